"""Pages: what is on each, as one list of panels."""

from glassnet.report.pages.filter import filter_figure, write_filter_page
from glassnet.report.pages.inside import look_inside
from glassnet.report.pages.run import run_panels, write_run_page
from glassnet.report.pages.sweep import SweepRun, best_run, short_settings, sweep_report, write_sweep_page
from glassnet.report.pages.tune import write_tune_page

__all__ = [
    "SweepRun",
    "best_run",
    "filter_figure",
    "look_inside",
    "run_panels",
    "short_settings",
    "sweep_report",
    "write_filter_page",
    "write_run_page",
    "write_sweep_page",
    "write_tune_page",
]
