"""Ledger: the runs that were submitted from here."""
