//! Tenants: a keyed hash over the credentials of a request, from which they cannot be had back.

use std::fmt;

/// The key of the hash that makes tenants of credentials. With another one, all tenants are others.
///
/// ```
/// use refrain_route::TenantSecret;
///
/// let secret = TenantSecret::new([7; 32]);
/// let of = |value: &str| secret.namespace(&mut vec![("authorization", value.as_bytes())]);
/// assert_eq!(of("Bearer a"), of("Bearer a"));
/// assert_ne!(of("Bearer a"), of("Bearer b"));
/// assert!(!of("Bearer a").contains("Bearer"));
/// assert_eq!(secret.namespace(&mut vec![]), "");
/// ```
#[derive(Clone)]
pub struct TenantSecret([u8; 32]);

impl TenantSecret {
    /// A secret of 32 random bytes, that nobody else has.
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The namespace of a request with these credentials, name and value each; the empty one if it has none.
    pub fn namespace(&self, credentials: &mut Vec<(&str, &[u8])>) -> String {
        if credentials.is_empty() {
            return String::new();
        }
        // Stable: two values under one name stay in the order in which they were sent.
        credentials.sort_by_key(|(name, _)| *name);
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for (name, value) in credentials.iter() {
            for part in [name.as_bytes(), value] {
                hasher.update(&(part.len() as u64).to_be_bytes());
                hasher.update(part);
            }
        }
        hasher.finalize().to_hex().to_string()
    }

    /// A short digest of one field's form, to tell which field of two requests differs without keeping the field.
    pub(crate) fn part_digest(&self, form: &[u8]) -> [u8; 8] {
        let digest = blake3::keyed_hash(&self.0, form);
        let (short, _) = digest.as_bytes().split_at(8);
        short.try_into().unwrap_or_default()
    }
}

impl fmt::Debug for TenantSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TenantSecret(…)")
    }
}
