"""Why test is lower: the gap in terms, the causes, and the interventions that they are judged by."""
