"""Faults on demand: what goes wrong between a client and a vendor, made to happen so that a client can be tried.

Off unless the service was started with faults. `specs` says what there is, `plan` when it strikes, `rows` and
`answers` what it does.
"""

from enrich_pipeline.enrich_api.faults.plan import FaultPlan, Struck
from enrich_pipeline.enrich_api.faults.specs import Fault, parse_fault

__all__ = ["Fault", "FaultPlan", "Struck", "parse_fault"]
