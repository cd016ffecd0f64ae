"""How good an adapter is, beside the controls it must beat: suites, retrieval, intervals, report and card."""
