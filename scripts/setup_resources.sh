#!/usr/bin/env bash
# Makes what mcu-ota needs in Azure: a resource group with an IoT Hub, a Device Provisioning Service and a storage
# account (infra/mcu-ota.json), an enrollment group for devices, and the profile that mcu-ota reads.
#
# It may run any number of times: a second run changes nothing, and a run that was broken off is continued under the
# same names, which the tags of the resource group keep.
#
# Usage: scripts/setup_resources.sh [OPTION...]          an environment variable in brackets does the same
#
#   --group NAME         resource group; made if it is not there (MCU_OTA_GROUP, else mcu-ota)
#   --location NAME      where everything is (MCU_OTA_LOCATION, else westeurope)
#   --tier F1|S1         edition of the hub (MCU_OTA_TIER, else F1). F1 is free, one in a subscription, for 8,000
#                        messages a day; S1 is paid by unit and month
#   --units N            units of S1, 1 to 200 (MCU_OTA_UNITS, else 1)
#   --hub NAME           name of the IoT Hub                     these three are unique in the world; without them
#   --dps NAME           name of the provisioning service        (MCU_OTA_HUB, MCU_OTA_DPS, MCU_OTA_STORAGE) they
#   --storage NAME       name of the storage account             get a random ending
#   --subscription ID    (AZURE_SUBSCRIPTION_ID, else that of the login)
#   --trust HOW          how devices prove who they are (MCU_OTA_TRUST, else symmetric):
#                          symmetric   by a key derived from that of an enrollment group
#                          x509        by certificates of the authority --ca-cert
#                          azsphere    by certificates of the Azure Sphere tenant that 'azsphere' is logged in to
#   --ca-cert FILE       x509: certificate of the authority (PEM or DER)
#   --ca-key FILE        x509: its private key, to prove that it is yours; it stays on this machine
#   --proof FILE         x509: instead of --ca-key, a certificate that you signed with it for the code of an earlier run
#   --enrollment NAME    enrollment group (else mcu-ota, or the name of the authority)
#   --product NAME       tag productType of its devices
#   --device-group NAME  tag deviceGroup of its devices
#   --profile FILE       profile to write, mode 0600 (MCU_OTA_PROFILE, else ~/.config/mcu-ota/profile.toml)
#   -h, --help
#
# Login: APP_ID, PASSWORD and TENANT_ID of a service principal in the environment, else that of 'az login'. Keys go to
# the profile and to FILE.group.key beside it (for devices), never to the terminal or a command line.
#
# Exit codes: 0 all is there; 1 failed, run it again to go on; 2 wrong use; 4 a name is taken, or what is there is of
# another kind; 5 refused (login, rights, or a proof is wanted); 9 quota; 130 interrupted.
#
# Examples:
#   scripts/setup_resources.sh --product pump --device-group lab
#   scripts/setup_resources.sh --group plant --tier S1 --trust x509 --ca-cert ca.pem --ca-key ca.key.pem
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/azure_login.sh
. "$here/azure_login.sh"

readonly template=$here/../infra/mcu-ota.json container=firmware deployment=mcu-ota
readonly hub_policy=iothubowner dps_policy=provisioningserviceowner

group=${MCU_OTA_GROUP:-mcu-ota}
location=${MCU_OTA_LOCATION:-}
tier=${MCU_OTA_TIER:-}
units=${MCU_OTA_UNITS:-}
hub=${MCU_OTA_HUB:-}
dps=${MCU_OTA_DPS:-}
storage=${MCU_OTA_STORAGE:-}
wanted_subscription=${AZURE_SUBSCRIPTION_ID:-}
trust=${MCU_OTA_TRUST:-symmetric}
ca_cert='' ca_key='' proof='' enrollment='' product='' device_group=''
profile=${MCU_OTA_PROFILE:-${XDG_CONFIG_HOME:-$HOME/.config}/mcu-ota/profile.toml}

# ---- arguments ----

read_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --group) need_value "$1" $# && group=$2 && shift ;;
      --location) need_value "$1" $# && location=$2 && shift ;;
      --tier) need_value "$1" $# && tier=$2 && shift ;;
      --units) need_value "$1" $# && units=$2 && shift ;;
      --hub) need_value "$1" $# && hub=$2 && shift ;;
      --dps) need_value "$1" $# && dps=$2 && shift ;;
      --storage) need_value "$1" $# && storage=$2 && shift ;;
      --subscription) need_value "$1" $# && wanted_subscription=$2 && shift ;;
      --trust) need_value "$1" $# && trust=$2 && shift ;;
      --ca-cert) need_value "$1" $# && ca_cert=$2 && shift ;;
      --ca-key) need_value "$1" $# && ca_key=$2 && shift ;;
      --proof) need_value "$1" $# && proof=$2 && shift ;;
      --enrollment) need_value "$1" $# && enrollment=$2 && shift ;;
      --product) need_value "$1" $# && product=$2 && shift ;;
      --device-group) need_value "$1" $# && device_group=$2 && shift ;;
      --profile) need_value "$1" $# && profile=$2 && shift ;;
      -h | --help)
        sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "$0"
        exit 0
        ;;
      *) fail $exit_usage "unknown argument '$1'; see setup_resources.sh --help" ;;
    esac
    shift
  done
}

check_names() {
  local name
  matches "the group" "$group" '[-A-Za-z0-9_.()]{0,89}[-A-Za-z0-9_()]' "1 to 90 letters, digits, '-', '_', '.', '(' or ')'"
  location=${location,,} location=${location// /} # "West Europe" is westeurope
  [ -z "$location" ] || matches "the location" "$location" '[a-z0-9]{1,50}' "a location of Azure, as westeurope"
  for name in "$hub" "$dps"; do
    [ -z "$name" ] || matches "the name" "$name" '[A-Za-z0-9][-A-Za-z0-9]{1,48}[A-Za-z0-9]' \
      "3 to 50 letters, digits or '-', not at its ends"
  done
  [ -z "$storage" ] || matches "the storage account" "$storage" '[a-z0-9]{3,24}' "3 to 24 lower-case letters or digits"
  [ -z "$enrollment" ] || matches "the enrollment group" "$enrollment" '[a-z0-9][-a-z0-9._:]{0,126}[a-z0-9]' \
    "2 to 128 lower-case letters, digits, '-', '.', '_' or ':'"
}

check_arguments() {
  check_names
  [ -z "$tier" ] || matches "the tier" "$tier" 'F1|S1' "F1 or S1"
  [ -z "$units" ] || matches "the number of units" "$units" '[1-9][0-9]?|1[0-9][0-9]|200' "from 1 to 200"
  if [ "${tier:-F1}" = F1 ] && [ "${units:-1}" != 1 ]; then
    fail $exit_usage "F1 has one unit, not $units; use --tier S1 for more"
  fi
  matches "the trust" "$trust" 'symmetric|x509|azsphere' "symmetric, x509 or azsphere"
  if [ "$trust" = x509 ]; then
    [ -n "$ca_cert" ] || fail $exit_usage "--trust x509 needs --ca-cert, the certificate of the authority"
  elif [ -n "$ca_cert$ca_key$proof" ]; then
    fail $exit_usage "--ca-cert, --ca-key and --proof belong to --trust x509"
  fi
  [ -z "$ca_key" ] || [ -z "$proof" ] || fail $exit_usage "give either --ca-key or --proof"
  local file
  for file in "$ca_cert" "$ca_key" "$proof"; do
    [ -z "$file" ] || [ -r "$file" ] || fail $exit_usage "cannot read $file; check its name and mode"
  done
  if [ "$trust" = azsphere ] && ! command -v azsphere >/dev/null; then
    fail $exit_usage "--trust azsphere needs the tool 'azsphere' (Azure Sphere SDK); install it and run 'azsphere login'"
  fi
}

# The enrollment group is made with our own program: the 'iot' extension of az, which could do it too, is a download.
find_mcu_ota() {
  local candidate
  for candidate in "${MCU_OTA:-}" "$(command -v mcu-ota || true)" "$here"/../build/{release,dev}/bin/mcu-ota; do
    if [ -n "$candidate" ] && [ -x "$candidate" ]; then
      mcu_ota=$candidate
      return 0
    fi
  done
  fail $exit_failed "there is no program mcu-ota; build it with scripts/setup, or name it in MCU_OTA"
}

# ---- what is there ----

profile_heading() { echo "# resource group $group of subscription $subscription"; }

# A profile of something else is never overwritten.
check_profile() {
  [ -e "$profile" ] || return 0
  grep -qsxF "$(profile_heading)" "$profile" ||
    fail $exit_conflict "profile $profile is that of another hub; choose another file with --profile FILE, or remove it"
}

has() { cut -f 1,2 <<<"$resources" | grep -ixF "$1"$'\t'"$2" >/dev/null; }

# choose_name KIND TYPE TAGGED WANTED GENERATED: the name of a resource. What exists keeps its name.
choose_name() {
  local name=${4:-${3:-$5}}
  if [ -n "$3" ] && [ "$name" != "$3" ] && has "$2" "$3"; then
    fail $exit_conflict "resource group $group has the $1 $3 already; leave the name out, or use another --group"
  fi
  echo "$name"
}

# What exists stays where it is; the group itself may be elsewhere.
choose_location() {
  local there
  there=$(head -n 1 <<<"$resources" | cut -f 3)
  if [ -n "$there" ] && [ "${location:-$there}" != "$there" ]; then
    fail $exit_conflict "resource group $group has its resources in $there already; leave --location out, or use another --group"
  fi
  location=${there:-${location:-${group_location:-westeurope}}}
}

choose_names() {
  local ending wanted_tier=$tier wanted_units=$units sku
  ending=$(od -An -N5 -tx1 /dev/urandom | tr -d ' \n')
  hub=$(choose_name "IoT Hub" Microsoft.Devices/IotHubs "$tagged_hub" "$hub" "mcu-ota-$ending")
  dps=$(choose_name "provisioning service" Microsoft.Devices/provisioningServices "$tagged_dps" "$dps" "mcu-ota-$ending")
  storage=$(choose_name "storage account" Microsoft.Storage/storageAccounts "$tagged_storage" "$storage" "mcuota$ending")
  tier=${tier:-F1} units=${units:-1}
  has Microsoft.Devices/IotHubs "$hub" || return 0
  sku=$(arm iot hub show --name "$hub" --resource-group "$group" --query '[sku.name, sku.capacity]' --output tsv) ||
    explain "read IoT Hub $hub"
  mapfile -t sku <<<"$sku"
  tier=${wanted_tier:-${sku[0]}} units=${wanted_units:-${sku[1]}}
  if [ "$tier" != "${sku[0]}" ]; then
    fail $exit_conflict "IoT Hub $hub is ${sku[0]}, which cannot become $tier; use another --group, or clean up first"
  fi
}

# Sets deployment_state, deployed to what a deployment that succeeded was asked for, and where its resources are.
read_deployment() {
  local facts asked="properties.parameters" made="properties.outputs"
  deployment_state=none deployed=''
  if ! facts=$(arm deployment group show --resource-group "$group" --name $deployment --output tsv --query "[
      properties.provisioningState, join(' ', map(&to_string(@), [$asked.hubName.value, $asked.dpsName.value,
      $asked.storageName.value, $asked.containerName.value, $asked.tier.value, $asked.units.value])), $made.hubHost.value,
      $made.dpsServiceHost.value, $made.dpsDeviceHost.value, $made.idScope.value, $made.blobEndpoint.value]"); then
    said DeploymentNotFound || explain "read the deployment of $group"
    return 0
  fi
  mapfile -t facts <<<"$facts"
  deployment_state=${facts[0]}
  [ "$deployment_state" = Succeeded ] || return 0
  deployed=${facts[1]} hub_host=${facts[2]} dps_service_host=${facts[3]} dps_host=${facts[4]} id_scope=${facts[5]}
  blob_endpoint=${facts[6]}
}

# ---- making it ----

register_providers() {
  local provider state
  for provider in Microsoft.Devices Microsoft.Storage; do
    state=$(arm provider show --namespace $provider --query registrationState --output tsv) ||
      explain "see whether $provider is registered"
    [ "$state" != Registered ] || continue
    say "registering    $provider in the subscription"
    arm provider register --namespace $provider --wait --output none || explain "register $provider"
  done
}

# The tags keep the names for the next run, from before the first resource on.
make_group() {
  if [ "$group_state" = absent ]; then
    say "resource group $group in $location"
    arm group create --name "$group" --location "$location" --output none --tags "$maker_tag=$maker" \
      "$maker-hub=$hub" "$maker-dps=$dps" "$maker-storage=$storage" || explain "make resource group $group"
  elif [ "$tagged_hub/$tagged_dps/$tagged_storage" != "$hub/$dps/$storage" ]; then
    arm group update --name "$group" --output none --set "tags.$maker-hub=$hub" "tags.$maker-dps=$dps" \
      "tags.$maker-storage=$storage" || explain "keep the names in the tags of $group"
  fi
}

wait_for_earlier_deployment() {
  read_deployment
  case $deployment_state in
    none | Succeeded | Failed | Canceled) return 0 ;;
  esac
  say "waiting for the deployment of an earlier run"
  arm deployment group wait --resource-group "$group" --name $deployment --interval 5 --timeout 3600 --custom \
    "contains(['Succeeded', 'Failed', 'Canceled'], properties.provisioningState)" || explain "wait for the deployment"
  read_deployment
  resources=$(contents "$group")
}

deploy() {
  local asked_for="$hub $dps $storage $container $tier $units"
  if [ "$group_state" != absent ]; then wait_for_earlier_deployment; fi
  if [ "${deployed:-}" = "$asked_for" ] && has Microsoft.Devices/IotHubs "$hub" &&
    has Microsoft.Devices/provisioningServices "$dps" && has Microsoft.Storage/storageAccounts "$storage"; then
    say "resources      all there"
    return 0
  fi
  register_providers
  make_group
  say "deploying      $hub ($tier), $dps, $storage; this takes a few minutes"
  arm deployment group create --resource-group "$group" --name $deployment --template-file "$template" --no-prompt \
    --output none --parameters "location=$location" "hubName=$hub" "dpsName=$dps" "storageName=$storage" \
    "containerName=$container" "tier=$tier" "units=$units" || explain "deploy to resource group $group"
  # az may give up waiting without saying so.
  read_deployment
  [ "$deployed" = "$asked_for" ] ||
    fail $exit_failed "the deployment to $group has not succeeded ($deployment_state); run the same command again to go on"
}

# ---- the profile ----

toml() { # a text in quotes
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

key_of() { # WHAT AZ-ARGUMENT...
  local what=$1 key
  shift
  key=$(arm "$@" --resource-group "$group" --output tsv) || explain "read the key of $what"
  printf '%s' "$key"
}

# Writes a first profile into the private folder: enough for mcu-ota to make the enrollment group.
draft_profile() {
  local hub_key dps_key storage_key
  hub_key=$(key_of "$hub" iot hub policy show --hub-name "$hub" --name $hub_policy --query primaryKey)
  dps_key=$(key_of "$dps" iot dps policy show --dps-name "$dps" --policy-name $dps_policy --query primaryKey)
  storage_key=$(key_of "$storage" storage account keys list --account-name "$storage" --query '[0].value')
  {
    echo "# How the mcu-ota commands reach Azure, by setup_resources.sh. It holds keys: keep it private (mode 0600)."
    profile_heading
    echo 'kind = "azure"'
    echo "tier = $(toml "$tier")"
    echo "units = $units"
    echo "iothub_connection_string = $(toml "HostName=$hub_host;SharedAccessKeyName=$hub_policy;SharedAccessKey=$hub_key")"
    echo "storage_connection_string = $(toml "DefaultEndpointsProtocol=https;AccountName=$storage;AccountKey=$storage_key;BlobEndpoint=$blob_endpoint")"
    echo "dps_connection_string = $(toml "HostName=$dps_service_host;SharedAccessKeyName=$dps_policy;SharedAccessKey=$dps_key")"
    echo "dps_host = $(toml "$dps_host")"
    echo "id_scope = $(toml "$id_scope")"
    # az needs these certificates behind a proxy that looks into TLS; so does mcu-ota.
    if [ -n "${REQUESTS_CA_BUNDLE:-}" ]; then echo "ca_file = $(toml "$(realpath "$REQUESTS_CA_BUNDLE")")"; fi
  } >"$private/profile.toml"
}

# replace FROM TO: only where it makes a difference, and never half.
replace() {
  if cmp -s "$1" "$2"; then return 0; fi
  mkdir -p "$(dirname "$2")" || fail $exit_failed "cannot make the folder of $2; choose another with --profile"
  local draft
  draft=$(mktemp "$2.XXXXXX") || fail $exit_failed "cannot write beside $2; choose another file with --profile"
  cat "$1" >"$draft"
  mv "$draft" "$2"
}

write_profile() {
  {
    echo "enrollment_group_id = $(toml "$enrollment")"
    if [ -f "$private/group.key" ]; then echo "enrollment_group_key = $(toml "$(<"$private/group.key")")"; fi
  } >>"$private/profile.toml"
  replace "$private/profile.toml" "$profile"
  group_key_file=
  if [ -f "$private/group.key" ]; then
    group_key_file=${profile%.toml}.group.key
    replace "$private/group.key" "$group_key_file"
  fi
}

# ---- trust of devices ----

operate() { "$mcu_ota" "$@" --profile "$private/profile.toml"; }

# make_enrollment ATTESTATION OPTION...
make_enrollment() {
  local attestation=$1 found
  shift
  if found=$(operate enrollment show group "$enrollment" --json 2>"$private/mcu-ota.err"); then
    grep -qE "\"attestation\": *\"$attestation\"" <<<"$found" ||
      fail $exit_conflict "enrollment group $enrollment is there with another kind of trust; choose another with --enrollment"
    say "enrollment     group $enrollment is there"
    return 0
  elif [ $? -ne 3 ]; then
    cat "$private/mcu-ota.err" >&2
    fail $exit_failed "cannot look for enrollment group $enrollment; run the same command again to go on where it stopped"
  fi
  local tags=()
  [ -z "$product" ] || tags+=(--product "$product")
  [ -z "$device_group" ] || tags+=(--group "$device_group")
  operate enrollment create group "$enrollment" "${tags[@]}" "$@" >/dev/null ||
    fail $exit_failed "cannot make enrollment group $enrollment; run the same command again to go on where it stopped"
  say "enrollment     group $enrollment made"
}

trust_key() {
  enrollment=${enrollment:-mcu-ota}
  make_enrollment symmetricKey
  operate enrollment show group "$enrollment" --key-file "$private/group.key" >/dev/null ||
    fail $exit_failed "cannot read the key of enrollment group $enrollment; run the same command again to go on"
}

dps_certificate() { arm iot dps certificate "$@" --dps-name "$dps" --resource-group "$group" --certificate-name "$authority"; }

# Sets etag and verified of the authority; uploads it where it is not there.
upload_authority() {
  local facts query='[etag, to_string(properties.isVerified)]'
  if ! facts=$(dps_certificate show --query "$query" --output tsv); then
    said 'not found|NotFound|404' || explain "look for certificate $authority"
    say "authority      $authority goes to $dps"
    facts=$(dps_certificate create --path "$private/ca.pem" --query "$query" --output tsv) ||
      explain "upload certificate $authority"
  fi
  etag=$(head -n 1 <<<"$facts") verified=$(tail -n 1 <<<"$facts")
}

# prove COMMAND: possession of the authority's key, by a certificate that COMMAND makes for the code in $1 as $2.
prove_possession() {
  local facts
  if [ -n "$proof" ]; then
    openssl x509 -in "$proof" -out "$private/proof.pem" 2>/dev/null ||
      fail $exit_usage "$proof is no certificate; sign one for the code that the last run showed"
  else
    facts=$(dps_certificate generate-verification-code --etag "$etag" --output tsv \
      --query '[etag, properties.verificationCode]') || explain "get a code to prove possession of $authority"
    etag=$(head -n 1 <<<"$facts")
    "$1" "$(tail -n 1 <<<"$facts")" "$private/proof.pem"
  fi
  dps_certificate verify --path "$private/proof.pem" --etag "$etag" --output none ||
    explain "prove possession of $authority"
  say "authority      $authority is verified"
}

sign_with_key() {
  if [ -z "$ca_key" ]; then
    say "authority      $authority waits for its proof: sign a certificate with the subject CN=$1"
    fail $exit_refused "the proof for $ca_cert is missing; run again with --proof FILE, that certificate, or with --ca-key"
  fi
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$private/proof.key" -subj "/CN=$1" \
    -out "$private/proof.csr" 2>/dev/null
  openssl x509 -req -in "$private/proof.csr" -CA "$private/ca.pem" -CAkey "$ca_key" -set_serial "0x$(od -An -N8 -tx1 \
    /dev/urandom | tr -d ' \n')" -days 1 -out "$2" 2>"$private/openssl.err" ||
    fail $exit_usage "$ca_key is not the key of $ca_cert; give the key that belongs to it"
}

sign_with_sphere() {
  azsphere ca-certificate download-proof --destination "$private/proof.cer" --verification-code "$1" >/dev/null ||
    fail $exit_failed "azsphere did not sign the proof for the tenant; run 'azsphere login', then the same command again"
  as_pem "$private/proof.cer" "$2"
}

# as_pem FROM TO: a certificate in either form.
as_pem() {
  openssl x509 -in "$1" -out "$2" 2>/dev/null || openssl x509 -inform der -in "$1" -out "$2" 2>/dev/null ||
    fail $exit_usage "$1 is no certificate in PEM or DER"
}

trust_authority() { # CERTIFICATE SIGNER
  as_pem "$1" "$private/ca.pem"
  # The name follows from the certificate: a renewed authority is another one, and the old stays for its devices.
  authority=ca-$(openssl x509 -in "$private/ca.pem" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' |
    tr '[:upper:]' '[:lower:]' | head -c 16)
  enrollment=${enrollment:-mcu-ota-$authority}
  upload_authority
  [ "$verified" = true ] || prove_possession "$2"
  make_enrollment x509 --ca-reference "$authority"
}

trust_devices() {
  case $trust in
    symmetric) trust_key ;;
    x509) trust_authority "$ca_cert" sign_with_key ;;
    azsphere)
      azsphere ca-certificate download --destination "$private/sphere.cer" >/dev/null ||
        fail $exit_failed "azsphere gave no certificate of the tenant; run 'azsphere login', then the same command again"
      trust_authority "$private/sphere.cer" sign_with_sphere
      ;;
  esac
}

report() {
  cat <<END
group      $group  (remove all of it: scripts/clean_resources.sh --group $group)
hub        $hub_host  ($tier, units: $units)
storage    $blob_endpoint  (container $container)
profile    $profile  (check it all: mcu-ota doctor --profile $profile)

In the configuration of devices:
[dps]
host = $(toml "$dps_host")
id_scope = $(toml "$id_scope")
END
  [ -z "$group_key_file" ] || echo "group_key_file = $(toml "$group_key_file")"
}

main() {
  read_arguments "$@"
  check_arguments
  find_mcu_ota
  begin "what was already asked of Azure goes on there; run the same command again to continue"
  login "$wanted_subscription"
  check_profile
  read_group "$group"
  resources=
  if [ "$group_state" != absent ]; then
    [ "$group_maker" = "$maker" ] ||
      fail $exit_conflict "resource group $group is there and was not made by this script; choose another with --group"
    [ "$group_state" != Deleting ] || fail $exit_conflict "resource group $group is being deleted; wait until it is gone"
    resources=$(contents "$group")
  fi
  choose_location
  choose_names
  deploy
  draft_profile
  trust_devices
  write_profile
  report
}

main "$@"
