"""Background work: Dramatiq's actors, workers and middleware on a broker whose truth is the job's row."""
