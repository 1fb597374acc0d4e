"""Great Expectations as an engine: on pandas, on a database, on Spark."""
