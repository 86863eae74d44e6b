//! The presets: routes for well-known servers, as files in the same language that users write.

/// A set of routes that comes with Refrain.
///
/// ```
/// use refrain_route::Preset;
///
/// let openai = Preset::named("openai").unwrap();
/// assert!(openai.text.contains("[[route]]"));
/// assert!(Preset::all().iter().any(|preset| preset.name == "anthropic"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// What it is for, in a line.
    pub about: &'static str,
    /// The file.
    pub text: &'static str,
}

macro_rules! preset {
    ($name:literal, $about:literal) => {
        Preset {
            name: $name,
            about: $about,
            text: include_str!(concat!("presets/", $name, ".toml")),
        }
    };
}

const PRESETS: [Preset; 7] = [
    preset!("a1111", "Stable Diffusion web UI and Forge: /sdapi/v1"),
    preset!(
        "anthropic",
        "Anthropic's Messages API, and servers that speak it"
    ),
    preset!(
        "hunyuan3d",
        "Hunyuan3D-2 and 2.1: pictures and texts to GLB"
    ),
    preset!(
        "kserve",
        "the Open Inference Protocol v2: KServe, Triton, MLServer"
    ),
    preset!(
        "llama.cpp",
        "llama-server: its own routes, and those of OpenAI and Anthropic that it speaks"
    ),
    preset!(
        "ollama",
        "Ollama's own API: /api/generate, /api/chat, /api/embed"
    ),
    preset!(
        "openai",
        "OpenAI's API, and servers that speak it: vLLM, SGLang, LM Studio, LocalAI"
    ),
];

impl Preset {
    /// All of them, by name.
    pub fn all() -> &'static [Self] {
        &PRESETS
    }

    /// The preset of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }
}
