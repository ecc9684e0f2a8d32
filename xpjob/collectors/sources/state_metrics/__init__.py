"""kube-state-metrics' custom resource state: its documents, as it evaluates them, and better."""
