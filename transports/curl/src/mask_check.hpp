// Whether the libcurl that runs draws a mask for each frame.
#pragma once

namespace distworker::curl {

/// Sends two frames over a socket pair and compares. Some versions between 8.11 and 8.15 draw one mask for
/// all of a connection (CVE-2025-10148); which of them were mended by a distribution, no version number
/// tells. False also when that cannot be found out. After `curl_global_init`.
[[nodiscard]] bool masks_differ();

} // namespace distworker::curl
