//! The file formats of a relief.

use std::fmt;

use serde::Serialize;

/// File format of a relief.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Binary STL.
    #[default]
    Stl,
    /// Wavefront OBJ, indexed text.
    Obj,
    /// Binary little-endian PLY, indexed.
    Ply,
    /// Binary glTF 2.0, indexed.
    Glb,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Stl, Self::Obj, Self::Ply, Self::Glb];

    /// Media type of the file. PLY has no registered one; `application/ply` is what is commonly sent.
    ///
    /// # Example
    ///
    /// ```
    /// use refrain_relief::Format;
    ///
    /// assert_eq!(Format::Glb.media_type(), "model/gltf-binary");
    /// ```
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Stl => "model/stl",
            Self::Obj => "model/obj",
            Self::Ply => "application/ply",
            Self::Glb => "model/gltf-binary",
        }
    }

    /// The format whose [`extension`](Self::extension) this is.
    ///
    /// # Example
    ///
    /// ```
    /// use refrain_relief::Format;
    ///
    /// assert_eq!(Format::of_extension("glb"), Some(Format::Glb));
    /// assert_eq!(Format::of_extension("3mf"), None);
    /// ```
    pub fn of_extension(extension: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.extension() == extension)
    }

    /// Extension of the file name, without the dot. It is also the value of the field `format`.
    ///
    /// # Example
    ///
    /// ```
    /// use refrain_relief::Format;
    ///
    /// assert_eq!(Format::default().extension(), "stl");
    /// ```
    pub fn extension(self) -> &'static str {
        match self {
            Self::Stl => "stl",
            Self::Obj => "obj",
            Self::Ply => "ply",
            Self::Glb => "glb",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}
