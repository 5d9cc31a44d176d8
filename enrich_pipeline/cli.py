"""`enrich`: one command line, put together from the modules in `enrich_pipeline.commands`."""

from __future__ import annotations

import signal

import click

from enrich_pipeline.commands.api import api_group
from enrich_pipeline.commands.data import load_command, seed_command
from enrich_pipeline.commands.demo import demo_command
from enrich_pipeline.commands.diff import diff_command
from enrich_pipeline.commands.doctor import doctor_command
from enrich_pipeline.commands.explain import explain_command
from enrich_pipeline.commands.prove import prove_command
from enrich_pipeline.commands.run import receipt_command, run_command
from enrich_pipeline.commands.status import status_command
from enrich_pipeline.commands.steps import upload_command, verify_command
from enrich_pipeline.commands.ui import prepare_command, ui_command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """Send the warehouse's order profit to the Enrich Order API, and prove that it arrived.

    \b
    First steps:
      enrich demo                                    see the whole flow on a demo store
      enrich load FOLDER                             load a brand's raw tables
      enrich run --from 2026-11-01 --to 2026-11-07   compute, upload, verify
      enrich receipt                                 what became of every order
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        # What a command has started, databases and services, is stopped with it, however it is asked to end; what is
        # ignored, as by nohup, stays so.
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


for command in (
    load_command,
    seed_command,
    run_command,
    upload_command,
    verify_command,
    receipt_command,
    status_command,
    doctor_command,
    explain_command,
    diff_command,
    api_group(),
    ui_command,
    demo_command,
    prove_command,
    prepare_command,
):
    main.add_command(command)
