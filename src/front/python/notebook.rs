//! Notebooks: their cells of code, one after the other, as one text. Places in it are told by cell and line.

use serde_json::Value;

/// The code of a notebook.
#[derive(Debug)]
pub struct Notebook {
    /// The cells' texts, each ended by a newline.
    pub text: String,
    /// Where each cell begins. Cells that are not code are not among them.
    pub cells: Vec<u32>,
}

/// The magics of a whole cell that leave it Python.
const TRANSPARENT: [&str; 5] = ["%%time", "%%timeit", "%%capture", "%%prun", "%%python3"];

/// The code of a notebook's text, or why there is none.
pub fn read(json: &str) -> Result<Notebook, String> {
    let notebook: Value =
        serde_json::from_str(json).map_err(|error| format!("not a notebook: {error}"))?;
    let cells = notebook["cells"]
        .as_array()
        .ok_or("not a notebook: it has no `cells`")?;
    let language = &notebook["metadata"]["language_info"]["name"];
    if let Some(other) = language.as_str().filter(|name| *name != "python") {
        return Err(format!("a notebook in {other}"));
    }
    let mut code = Notebook {
        text: String::new(),
        cells: Vec::new(),
    };
    for cell in cells.iter().filter(|cell| cell["cell_type"] == "code") {
        code.cells.push(code.text.len() as u32);
        let source = source(&cell["source"]);
        if is_python(&source) {
            code.text.push_str(&source);
        }
        code.text.push('\n');
    }
    Ok(code)
}

/// The text of a cell, which is a string or a list of lines.
fn source(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

/// Whether a cell is no script in another language (`%%bash`).
fn is_python(source: &str) -> bool {
    let magic = source.split_whitespace().next().unwrap_or("");
    !magic.starts_with("%%") || TRANSPARENT.contains(&magic)
}
