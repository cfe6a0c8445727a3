//! Outcomes of several files: one that is no good does not hide what there is
//! to say of the others.
//!
//! Invariant: as JSON it is one document, that of the file itself if there is
//! but one, and says what failed, too.

use super::failure::Failure;
use super::output;
use serde_json::{Value as Json, json};

/// Collects outcomes.
pub struct Outcomes {
    json: bool,
    documents: Vec<Json>,
    failures: Vec<Failure>,
}

impl Outcomes {
    /// For a command that shows JSON, or text.
    pub fn new(json: bool) -> Outcomes {
        Outcomes { json, documents: Vec::new(), failures: Vec::new() }
    }

    /// What came of `file`: what to show of it as text, and as JSON (an object).
    ///
    /// # Errors
    /// When nothing can be printed any more.
    pub fn add(&mut self, file: &str, outcome: Result<(String, Json), Failure>) -> Result<(), Failure> {
        let mut document = match outcome {
            Ok((text, document)) => {
                if !self.json {
                    output::print(&text)?;
                }
                document
            }
            Err(gone @ Failure::Output(_)) => return Err(gone),
            Err(failure) => {
                let document = json!({ "ok": false, "error": failure.json() });
                self.failures.push(failure);
                document
            }
        };
        if self.json {
            document["file"] = file.into();
            self.documents.push(document);
        }
        Ok(())
    }

    /// Prints the document, if one is wanted.
    ///
    /// # Errors
    /// What failed.
    pub fn finish(mut self) -> Result<(), Failure> {
        let ok = self.failures.is_empty();
        if self.json {
            let document = match self.documents.len() {
                1 => self.documents.remove(0),
                _ => json!({ "ok": ok, "files": self.documents }),
            };
            output::print(&format!("{document}\n"))?;
        }
        let done = Failure::of_all(self.failures);
        if self.json { done.map_err(|f| Failure::Shown(Box::new(f))) } else { done }
    }
}
