//! Tests of the built tools, of pipelines, and of the shape of the workspace.
