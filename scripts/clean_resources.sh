#!/usr/bin/env bash
# Removes what scripts/setup_resources.sh made in Azure: shows what the resource group holds, asks, deletes the whole
# group and waits until it is gone.
#
# Usage: scripts/clean_resources.sh [OPTION...]
#
#   --group NAME         resource group (MCU_OTA_GROUP, else mcu-ota)
#   --subscription ID    (AZURE_SUBSCRIPTION_ID, else that of the login)
#   -y, --yes            do not ask; refused where the group holds what setup_resources.sh did not make
#   --force              also delete a group, or resources in it, that setup_resources.sh did not make
#   -h, --help
#
# Login: APP_ID, PASSWORD and TENANT_ID of a service principal in the environment, else that of 'az login'.
# Without --yes it asks for the name of the group, and only on a terminal.
#
# Exit codes: 0 gone, or there was nothing; 1 failed; 2 wrong use; 5 refused or not confirmed; 130 interrupted.
#
# Example:
#   scripts/clean_resources.sh --group pumps
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/azure_login.sh
. "$here/azure_login.sh"

group=${MCU_OTA_GROUP:-mcu-ota}
wanted_subscription=${AZURE_SUBSCRIPTION_ID:-}
yes='' force=''

read_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --group) need_value "$1" $# && group=$2 && shift ;;
      --subscription) need_value "$1" $# && wanted_subscription=$2 && shift ;;
      -y | --yes) yes=yes ;;
      --force) force=yes ;;
      -h | --help)
        sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "$0"
        exit 0
        ;;
      *) fail $exit_usage "unknown argument '$1'; see clean_resources.sh --help" ;;
    esac
    shift
  done
  matches "the group" "$group" '[-A-Za-z0-9_.()]{0,89}[-A-Za-z0-9_()]' "1 to 90 letters, digits, '-', '_', '.', '(' or ')'"
}

# Sets foreign to the number of resources that the set-up did not make.
show_contents() {
  local resources type name location made count=0
  resources=$(contents "$group")
  foreign=0
  printf '%-40s %-26s %-14s %s\n' TYPE NAME LOCATION 'MADE BY SETUP'
  while IFS=$'\t' read -r type name location; do
    [ -n "$type" ] || continue
    made=no
    case ${type,,}/$name in
      "microsoft.devices/iothubs/$tagged_hub" | "microsoft.devices/provisioningservices/$tagged_dps" | \
        "microsoft.storage/storageaccounts/$tagged_storage") made=yes ;;
      *) foreign=$((foreign + 1)) ;;
    esac
    count=$((count + 1))
    printf '%-40s %-26s %-14s %s\n' "$type" "$name" "$location" $made
  done <<<"$resources"
  printf 'resources in group %s: %d, of others: %d\n' "$group" "$count" "$foreign"
}

refuse_what_is_not_ours() {
  [ -z "$force" ] || return 0
  [ "$group_maker" = "$maker" ] ||
    fail $exit_refused "resource group $group was not made by setup_resources.sh (it has no tag $maker_tag=$maker); use --force to delete it all the same"
  if [ -n "$yes" ] && [ "$foreign" -gt 0 ]; then
    fail $exit_refused "resource group $group holds resources that setup_resources.sh did not make; leave out --yes to be asked, or add --force to delete them too"
  fi
}

confirm() {
  [ -z "$yes" ] || return 0
  [ -t 0 ] || fail $exit_refused "nothing was deleted: there is no terminal to ask on; add --yes if you mean it"
  local answer
  read -r -p "This deletes all of it for good, firmware and devices' identities too. Name of the group to go on: " answer || answer=
  [ "$answer" = "$group" ] || fail $exit_refused "nothing was deleted: '$answer' is not the name of the group"
}

# The keys in files of the set-up are of no use any more.
mention_files() {
  local profile=${MCU_OTA_PROFILE:-${XDG_CONFIG_HOME:-$HOME/.config}/mcu-ota/profile.toml}
  if grep -qsF "# resource group $group of subscription $subscription" "$profile"; then
    say "the profile $profile still names it; mcu-ota cannot use it any more"
  fi
}

delete() {
  say "deleting $group; this takes a few minutes"
  arm group delete --name "$group" --yes --output none || explain "delete resource group $group"
  read_group "$group"
  # az may give up waiting without saying so.
  [ "$group_state" = absent ] ||
    fail $exit_failed "resource group $group is still there ($group_state); run the same command again to go on waiting"
  say "resource group $group is gone"
  mention_files
}

read_arguments "$@"
begin "what was already asked of Azure goes on there; run the same command again to wait for it"
login "$wanted_subscription"
read_group "$group"
if [ "$group_state" = absent ]; then
  say "there is no resource group $group; nothing to do"
  exit 0
fi
show_contents
refuse_what_is_not_ours
confirm
delete
