"""Reading Kafka through Faust: the seam, the stages, the worker."""
