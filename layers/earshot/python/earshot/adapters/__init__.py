"""AWS at the edge: the only modules of the package that know boto3."""
