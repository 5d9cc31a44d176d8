-- The service's own tables. Every statement may be repeated: the service runs this file whenever it starts.

CREATE SCHEMA IF NOT EXISTS enrich_api;

-- A store is a brand's account: its keys, its orders, its daily data refresh.
CREATE TABLE IF NOT EXISTS enrich_api.stores (
    store_id integer PRIMARY KEY,
    name text NOT NULL UNIQUE,
    timezone text NOT NULL,
    currency text NOT NULL,
    -- Enrichments posted now carry this number; a refresh counts it up, and all that carry a lower one are shown.
    generation integer NOT NULL DEFAULT 1,
    refreshed_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- How many refreshes a fault on demand still keeps from coming.
ALTER TABLE enrich_api.stores ADD COLUMN IF NOT EXISTS refreshes_withheld integer NOT NULL DEFAULT 0;

-- A refresh is one row here, however many orders it shows: it closes a generation, and says how far back it applies.
CREATE TABLE IF NOT EXISTS enrich_api.refreshes (
    store_id integer NOT NULL REFERENCES enrich_api.stores,
    generation integer NOT NULL,
    refreshed_at timestamptz NOT NULL,
    applied_from timestamptz NOT NULL,
    PRIMARY KEY (store_id, generation)
);

-- Keys are 256 random bits, so a plain digest cannot be turned back. `sealed` is the key itself, encrypted with a secret
-- that lies outside the database; null where only digests are kept.
CREATE TABLE IF NOT EXISTS enrich_api.api_keys (
    key_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    store_id integer NOT NULL REFERENCES enrich_api.stores,
    digest bytea NOT NULL UNIQUE,
    label text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- When it stops working; in the future while it overlaps with the key that replaced it.
    revoked_at timestamptz
);
ALTER TABLE enrich_api.api_keys ADD COLUMN IF NOT EXISTS name text NOT NULL DEFAULT '';
ALTER TABLE enrich_api.api_keys ADD COLUMN IF NOT EXISTS sealed bytea;
ALTER TABLE enrich_api.api_keys ADD COLUMN IF NOT EXISTS last_used_at timestamptz;

-- One row an order: what its sales channel reported, what was posted last, and what the latest refresh still shows
-- while that post waits for the next one.
CREATE TABLE IF NOT EXISTS enrich_api.orders (
    store_id integer NOT NULL,
    order_id text COLLATE "C" NOT NULL,
    ordered_at timestamptz,
    original_currency text,
    original_sales_amount numeric,
    original_profit_amount numeric,

    -- The posted timestamp; until something is posted, the channel's, so that a post which agrees with it (nearly
    -- every one) changes no indexed column and stays a heap-only update.
    order_timestamp timestamptz,
    sales_amount numeric,
    profit_amount numeric,
    currency text,
    created_at timestamptz,
    updated_at timestamptz,
    generation integer,

    -- The enrichment as refreshed, kept while a newer one is pending. Its timestamp is null where it is the same.
    refreshed_order_timestamp timestamptz,
    refreshed_sales_amount numeric,
    refreshed_profit_amount numeric,
    refreshed_currency text,

    PRIMARY KEY (store_id, order_id)
) WITH (fillfactor = 30);

CREATE INDEX IF NOT EXISTS orders_by_time ON enrich_api.orders (store_id, order_timestamp);
CREATE INDEX IF NOT EXISTS orders_by_refreshed_time ON enrich_api.orders (store_id, refreshed_order_timestamp)
WHERE refreshed_order_timestamp IS NOT NULL;

-- Every API request. The ids sort by time. What bore no good key is listed with the default store.
CREATE TABLE IF NOT EXISTS enrich_api.requests (
    request_id text COLLATE "C" PRIMARY KEY,
    store_id integer NOT NULL,
    key_label text,
    received_at timestamptz NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    query text NOT NULL,
    status integer NOT NULL,
    latency_us bigint NOT NULL,
    request_bytes bigint NOT NULL,
    response_bytes bigint NOT NULL,
    order_rows integer NOT NULL,
    accepted integer NOT NULL,
    rejected integer NOT NULL,
    problem text
);
CREATE INDEX IF NOT EXISTS requests_by_store ON enrich_api.requests (store_id, request_id);
CREATE INDEX IF NOT EXISTS requests_failed ON enrich_api.requests (store_id, request_id)
WHERE status >= 400 OR rejected > 0;
CREATE INDEX IF NOT EXISTS requests_by_age ON enrich_api.requests USING brin (received_at);

-- Bodies are deflated before they come here, and kept for a while only.
CREATE TABLE IF NOT EXISTS enrich_api.request_bodies (
    request_id text COLLATE "C" PRIMARY KEY,
    received_at timestamptz NOT NULL,
    body bytea STORAGE EXTERNAL NOT NULL,
    answer bytea STORAGE EXTERNAL NOT NULL
);

CREATE TABLE IF NOT EXISTS enrich_api.rejected_rows (
    request_id text COLLATE "C" NOT NULL,
    store_id integer NOT NULL,
    place integer NOT NULL,
    order_id text COLLATE "C",
    code text NOT NULL,
    message text NOT NULL,
    PRIMARY KEY (request_id, place)
);
CREATE INDEX IF NOT EXISTS rejected_rows_by_order ON enrich_api.rejected_rows (store_id, order_id);
CREATE INDEX IF NOT EXISTS rejected_rows_by_store ON enrich_api.rejected_rows (store_id, request_id, place);

-- Requests by the store's own day: what the trend and the export read, however long the log is.
CREATE TABLE IF NOT EXISTS enrich_api.request_days (
    store_id integer NOT NULL,
    day date NOT NULL,
    method text NOT NULL,
    status integer NOT NULL,
    requests bigint NOT NULL,
    order_rows bigint NOT NULL,
    accepted bigint NOT NULL,
    rejected bigint NOT NULL,
    request_bytes bigint NOT NULL,
    latency_us bigint NOT NULL,
    PRIMARY KEY (store_id, day, method, status)
);

-- Addresses that sign one browser in, once; and the browsers that are signed in. Digests only.
CREATE TABLE IF NOT EXISTS enrich_api.dashboard_sign_ins (
    digest bytea PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS enrich_api.dashboard_sessions (
    digest bytea PRIMARY KEY,
    form_token text NOT NULL,
    expires_at timestamptz NOT NULL
);
-- The store that a session looks at; and a key left for its next page, sealed with the browser's own cookie.
ALTER TABLE enrich_api.dashboard_sessions ADD COLUMN IF NOT EXISTS store_id integer NOT NULL DEFAULT 1;
ALTER TABLE enrich_api.dashboard_sessions ADD COLUMN IF NOT EXISTS shown_key bytea;
