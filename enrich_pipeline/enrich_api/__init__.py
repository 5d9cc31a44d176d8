"""The Enrich Order API as a local service: what a vendor's is taken to be, with every assumption a named setting.

It stands alone: it imports nothing of the pipeline, and the pipeline shares no model with it.
"""

from enrich_pipeline.enrich_api.app import create_app
from enrich_pipeline.enrich_api.channel_orders import ChannelOrder, ImportResult, import_channel_orders
from enrich_pipeline.enrich_api.commands import build_api_group
from enrich_pipeline.enrich_api.config import ApiConfig
from enrich_pipeline.enrich_api.database import connect
from enrich_pipeline.enrich_api.errors import ApiError
from enrich_pipeline.enrich_api.keys import replace_key
from enrich_pipeline.enrich_api.process import ServiceProcess, ServiceSpec
from enrich_pipeline.enrich_api.profiles import FULL, MINIMAL, PROFILES, ServiceProfile
from enrich_pipeline.enrich_api.refresh import RefreshResult, refresh
from enrich_pipeline.enrich_api.server import serve

__all__ = [
    "FULL",
    "MINIMAL",
    "PROFILES",
    "ApiConfig",
    "ApiError",
    "ChannelOrder",
    "ImportResult",
    "RefreshResult",
    "ServiceProcess",
    "ServiceProfile",
    "ServiceSpec",
    "build_api_group",
    "connect",
    "create_app",
    "import_channel_orders",
    "refresh",
    "replace_key",
    "serve",
]
