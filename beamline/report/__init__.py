"""The morning report: from the records of a night to a page with figures, and nothing but the records.

Import is cheap: matplotlib and jinja2 are loaded when there is something to write.
"""

from beamline.report.write import write_report

__all__ = ["write_report"]
