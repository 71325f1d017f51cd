#pragma once

// OpenSSL takes a buffer of 17 KB for each record that it reads or writes and gives it back at once
// (SSL_MODE_RELEASE_BUFFERS), so that idle connections hold none. Once ten thousand connections
// have come and gone, malloc looks for such a block in long lists: a fifth of the hub's work. A few
// blocks are kept at hand instead.

namespace ota::hub {

/// To be called before anything else uses OpenSSL in this process; afterwards it changes nothing.
void keep_record_buffers();

}  // namespace ota::hub
