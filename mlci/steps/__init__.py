"""One module per step: gather through ports, decide in the domain, return a report. No medium is known here."""
