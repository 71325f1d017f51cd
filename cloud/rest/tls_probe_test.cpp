#include "cloud/rest/tls_probe.hpp"

#include <gmock/gmock.h>

#include "tests/http/scripted_server.hpp"

namespace ota::rest {
namespace {

test::Response nothing(const test::Request&) { return {}; }

TEST(TlsProbe, ReachesWhatListensWithoutSendingARequest) {
  test::ScriptedServer server(nothing);
  EXPECT_TRUE(probe_tcp(server.url(), {}));
  EXPECT_TRUE(probe_tcp("https://" + server.host(), {}));
  EXPECT_TRUE(server.requests().empty());
}

TEST(TlsProbe, TellsAnAddressWithoutListenerFromAPeerWithoutTls) {
  std::string silent;
  {
    test::ScriptedServer server(nothing);
    silent = "https://" + server.host();
    const auto spoken = probe_tls(silent, {.connect_timeout_s = 3});
    ASSERT_FALSE(spoken);
    EXPECT_NE(spoken.error().code, "unreachable") << spoken.error().message;
  }
  const auto refused = probe_tls(silent, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "unreachable");
  EXPECT_EQ(probe_tcp(silent, {}).error().code, "unreachable");
}

}  // namespace
}  // namespace ota::rest
