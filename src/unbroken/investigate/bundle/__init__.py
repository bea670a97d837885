"""Making evidence bundles (spec/EVIDENCE.md): what somebody outside can check without this log or its owner."""
