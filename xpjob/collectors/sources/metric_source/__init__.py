"""MetricSource of ClusterPulse: fields, computed fields and aggregations of objects."""
