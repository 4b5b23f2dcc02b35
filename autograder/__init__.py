"""From a submission to a mark: build, run, collect, grade, give back. `dlcourse` never imports this package."""
