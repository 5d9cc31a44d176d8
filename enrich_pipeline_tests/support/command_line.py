"""`enrich` as a user runs it: a process of its own, on a data folder of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from enrich_pipeline.settings import PROJECT_ROOT, Settings

ENRICH = Path(sys.executable).with_name("enrich")


def environment(data_dir: Path, **variables: str) -> dict[str, str]:
    """The machine's environment without any setting of ours but `variables`; empty ones hide what a .env would say."""
    hidden = dict.fromkeys((name.upper() for name in Settings.model_fields), "")
    return {**os.environ, **hidden, "ENRICH_DATA_DIR": str(data_dir), **variables}


def start_enrich(*arguments: str, env: dict[str, str], output: Path) -> subprocess.Popen[bytes]:
    """Start a command as leader of a process group of its own; what it prints goes to the file `output`."""
    with output.open("wb") as file:
        return subprocess.Popen(
            [str(ENRICH), *arguments],
            env=env,
            cwd=PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def enrich(*arguments: str, env: dict[str, str], timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [str(ENRICH), *arguments],
        env=env,
        cwd=PROJECT_ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
