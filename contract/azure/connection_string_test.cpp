#include "contract/azure/connection_string.hpp"

#include <gtest/gtest.h>

namespace ota::contract {
namespace {

TEST(ConnectionString, ReadsServiceAndDeviceStrings) {
  const auto service = parse_hub_connection(
      "HostName=c.azure-devices.net;SharedAccessKeyName=iothubowner;SharedAccessKey=AAECAw==");
  ASSERT_TRUE(service) << service.error();
  EXPECT_EQ(service->host_name, "c.azure-devices.net");
  EXPECT_EQ(service->policy, "iothubowner");
  EXPECT_EQ(service->key.size(), 4U);
  const auto device = parse_hub_connection("HostName=c.net;DeviceId=d1;x509=true");
  ASSERT_TRUE(device);
  EXPECT_TRUE(device->x509);
  EXPECT_EQ(device->device_id, "d1");
}

TEST(ConnectionString, BuildsTheBlobEndpointFromItsParts) {
  const auto cloud = parse_storage_connection(
      "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=AAECAw==;EndpointSuffix=core."
      "windows.net");
  ASSERT_TRUE(cloud);
  EXPECT_EQ(cloud->blob_endpoint, "https://acct.blob.core.windows.net");
  const auto local = parse_storage_connection(
      "AccountName=a;AccountKey=AAECAw==;BlobEndpoint=https://127.0.0.1:9/a/;");
  ASSERT_TRUE(local);
  EXPECT_EQ(local->blob_endpoint, "https://127.0.0.1:9/a");
}

TEST(ConnectionString, SaysWhatIsMissingWithoutShowingTheKey) {
  EXPECT_NE(parse_hub_connection("SharedAccessKey=AAECAw==").error().find("HostName"),
            std::string::npos);
  EXPECT_NE(parse_hub_connection("HostName=h").error().find("SharedAccessKey"), std::string::npos);
  const std::string error = parse_hub_connection("HostName=h;SharedAccessKey=s3cret!").error();
  EXPECT_EQ(error.find("s3cret"), std::string::npos);
  EXPECT_NE(parse_storage_connection("AccountName=a").error().find("AccountKey"),
            std::string::npos);
  EXPECT_NE(parse_hub_connection("garbage").error().find("'='"), std::string::npos);
}

}  // namespace
}  // namespace ota::contract
