"""YAMNet: fetch the published weights, rebuild the network, convert it once to LiteRT."""
