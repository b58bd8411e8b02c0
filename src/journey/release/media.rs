//! What a file of a release is, by the ending of its name.
//!
//! Invariant: what is not known is bytes, which a browser shows to nobody and runs nowhere.

/// The `Content-Type` of the file at `path` (IANA's registry of media types; texts are UTF-8).
pub(super) fn media_type(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "md" => "text/markdown; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "xml" if name.starts_with("feed") || name.starts_with("atom") => "application/atom+xml",
        "xml" => "application/xml",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/vnd.microsoft.icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "ttf" => "font/ttf",
        "wasm" => "application/wasm",
        "pdf" => "application/pdf",
        "gz" => "application/gzip",
        "zst" => "application/zstd",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}

/// Whether the file at `path` is of a kind that compresses well: not of one that is compressed already, and not unknown.
pub(super) fn is_compressible(path: &str) -> bool {
    let media_type = media_type(path);
    let (kind, _) = media_type.split_once('/').unwrap_or_default();
    let is_known = [
        "application/json",
        "application/manifest+json",
        "application/atom+xml",
        "application/xml",
        "application/wasm",
        "image/svg+xml",
        "image/vnd.microsoft.icon",
        "font/ttf",
    ]
    .contains(&media_type);
    kind == "text" || is_known
}

#[cfg(test)]
mod tests {
    use super::media_type;

    #[test]
    fn the_ending_of_the_name_says_what_a_file_is() {
        assert_eq!(media_type("a.b/index.html"), "text/html; charset=utf-8");
        assert_eq!([media_type("feed.xml"), media_type("sitemap.xml")], ["application/atom+xml", "application/xml"]);
        assert_eq!([media_type("a.html/noending"), media_type("x.unknown")], ["application/octet-stream"; 2]);
    }
}
