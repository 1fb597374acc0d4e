"""Services over the network: requests with bounded patience, answers with bounded size, object stores."""
