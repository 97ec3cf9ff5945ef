use std::path::Path;

use anyhow::{Context, bail};

use crate::secret_ref::SecretRef;

/// Refuses a move to a configuration under which a secret is another than now: what was signed or kept with it would not be
/// known again. Without a key that names it, a secret lies at another place beside another kind of store.
///
/// # Errors
/// It is not there, or another.
pub fn check_same_secret(
    key: &str,
    (now, base): (&SecretRef, &Path),
    (then, new_base): (&SecretRef, &Path),
) -> anyhow::Result<()> {
    let present = now.read(base).with_context(|| key.to_owned())?;
    let copy = format!(
        "the new configuration must find the secret {key} that is in use: copy it to where it looks for it, or name \
         its place with the key {key}"
    );
    let found = then.read(new_base).with_context(|| copy.clone())?;
    if !present.is_same(&found) {
        bail!("{copy}; what is there is another");
    }
    Ok(())
}
