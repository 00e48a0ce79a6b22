"""The software of the instrument: physics, analysis, records, optimiser, campaign, report, session and faces."""
