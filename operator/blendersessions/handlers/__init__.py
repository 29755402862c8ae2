"""Observe, plan, execute, report: no decision is taken here."""
