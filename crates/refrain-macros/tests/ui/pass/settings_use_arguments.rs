use std::time::Duration;

use refrain::cached_result;

struct Tenant {
    name: String,
    cached: bool,
}

#[cached_result(
    ttl = Duration::from_secs(u64::from(*hours) * 3600),
    cost = Some(Duration::from_secs(pages)).filter(|_| pages > 1),
    tags = std::iter::once(tenant.name.clone()).chain(["all".to_owned()]),
    enabled = tenant.cached,
    version = format!("{}.{}", env!("CARGO_PKG_VERSION_MAJOR"), 1),
    key = |tenant, pages, hours| (&tenant.name, pages, hours),
    weight = |text: &String| text.len() as u32,
)]
async fn book(tenant: std::sync::Arc<Tenant>, pages: u64, hours: &u8) -> String {
    tenant.name.repeat(pages as usize)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let tenant = std::sync::Arc::new(Tenant { name: "a".to_owned(), cached: true });
    assert_eq!(book(tenant, 3, &1).await, "aaa");
    assert_eq!(refrain::global().invalidate_tag("all"), 1);
}
