"""choreo runs AI choreographies: roles, contracts, touchpoints and a trace, from one YAML spec."""

__version__ = "0.1.0"
