# shellcheck shell=bash
# How setup_resources.sh and clean_resources.sh talk to Azure: who logs in, how az is run, and what its errors mean.
# They source this file.

readonly exit_failed=1 exit_usage=2 exit_conflict=4 exit_refused=5 exit_quota=9
# The tag on a resource group that says who made it.
readonly maker_tag=created-by maker=mcu-ota

# The programs that the scripts start need it not, and whoever may read their environment neither.
secret=${PASSWORD:-}
unset PASSWORD

program=$(basename "$0" .sh)
subscription=
private= # a folder (mode 0700) that is gone when the script ends

# Progress goes to standard error, results to standard output.
say() { printf '%s\n' "$*" >&2; }

# fail CODE TEXT: one sentence that says what, why and what to do.
fail() {
  local code=$1
  shift
  printf '%s: %s\n' "$program" "$*" >&2
  exit "$code"
}

# need_value OPTION COUNT: an option's value is there.
need_value() { [ "$2" -ge 2 ] || fail $exit_usage "$1 needs a value; see $program.sh --help"; }

# matches NAME VALUE REGEX RULE
matches() {
  [[ $2 =~ ^($3)$ ]] || fail $exit_usage "$1 '$2' cannot be: it must be $4"
}

# begin ADVICE: ADVICE tells what to do after an interruption.
begin() {
  umask 077
  private=$(mktemp -d)
  trap 'rm -rf "$private"' EXIT
  # shellcheck disable=SC2064 # the advice of now
  trap "say; say \"$program: interrupted; $1\"; exit 130" INT TERM
  # What az would otherwise do besides: install extensions, colour its messages.
  export AZURE_EXTENSION_USE_DYNAMIC_INSTALL=no AZURE_CORE_NO_COLOR=1 AZURE_CORE_ONLY_SHOW_ERRORS=1
}

# The Azure CLI; its messages are kept for explain. Keys never stand on its command line: whoever may list the processes
# of this machine could read them.
azure() { az "$@" 2>"$private/az.err"; }

# The same in the chosen subscription.
arm() { azure "$@" --subscription "$subscription"; }

# Whether the last azure or arm said so.
said() { grep -qE "$1" "$private/az.err"; }

# explain DOING: ends the script with what az said and what to do about it.
explain() {
  local code=$exit_failed advice="run the same command again to go on where it stopped"
  if said 'AADSTS|Interactive authentication|az login'; then
    code=$exit_refused advice="check APP_ID, PASSWORD and TENANT_ID, or run 'az login'"
  elif said 'AuthorizationFailed|does not have authorization|No subscriptions found'; then
    code=$exit_refused advice="this login needs the role Contributor on the subscription"
  elif said 'CERTIFICATE_VERIFY_FAILED|certificate verify failed'; then
    advice="behind a proxy that looks into TLS, set REQUESTS_CA_BUNDLE to a file with its certificates"
  elif said 'Max number of Iot Hubs exceeded for sku = Free'; then
    code=$exit_quota advice="a subscription has one free hub: use --tier S1, or delete the other"
  elif said 'QuotaExceeded|Max number of|exceeded'; then
    code=$exit_quota advice="delete what is not needed, or ask Azure for a higher quota"
  elif said 'LocationNotAvailable|LocationNotValid'; then
    code=$exit_usage advice="choose another --location"
  elif said 'AlreadyTaken|already taken|not available|NameUnavailable|already exists|already in use'; then
    code=$exit_conflict advice="choose another name with --hub, --dps or --storage"
  elif said 'DeploymentActive|BeingDeleted'; then
    code=$exit_conflict advice="wait until that is done, then run the same command again"
  elif said 'Connection|Max retries|Name or service not known|timed out|Remote end closed'; then
    advice="check the connection, then run the same command again to go on where it stopped"
  fi
  say "--- az said:"
  head -c 4000 "$private/az.err" >&2
  say "---"
  fail "$code" "cannot $1; $advice"
}

# A login of a service principal has a folder of its own: the secret is gone with it, and the user's login stays.
login_as_application() {
  local mine=${AZURE_CONFIG_DIR:-$HOME/.azure} file
  if [ -z "${APP_ID:-}" ] || [ -z "$secret" ] || [ -z "${TENANT_ID:-}" ]; then
    fail $exit_usage "APP_ID, PASSWORD and TENANT_ID belong together; set all three, or none and run 'az login'"
  fi
  mkdir "$private/azure"
  for file in config clouds.config commandIndex.json; do
    [ ! -f "$mine/$file" ] || cp "$mine/$file" "$private/azure/$file"
  done
  export AZURE_CONFIG_DIR=$private/azure
  # az reads @- from its standard input.
  printf '%s' "$secret" |
    azure login --service-principal --username "$APP_ID" --password @- --tenant "$TENANT_ID" --output none ||
    explain "log in as application $APP_ID"
}

# login [SUBSCRIPTION]: sets subscription, and says where the resources will be.
login() {
  command -v az >/dev/null ||
    fail $exit_failed "the Azure CLI is not installed; get it from https://aka.ms/azure-cli or with 'apt-get install azure-cli'"
  if [ -n "${APP_ID:-}${TENANT_ID:-}" ]; then login_as_application; fi
  local account wanted=()
  [ -z "$1" ] || wanted=(--subscription "$1")
  account=$(azure account show "${wanted[@]}" --query '[id, name]' --output tsv) || explain "find the subscription"
  subscription=$(head -n 1 <<<"$account")
  say "subscription   $(tail -n 1 <<<"$account") ($subscription)"
}

# read_group GROUP: sets group_state (absent, Succeeded, Deleting, ...), group_location, group_maker and the names that
# its tags keep: tagged_hub, tagged_dps, tagged_storage; empty where there is none.
# shellcheck disable=SC2034 # for the scripts that source this file
read_group() {
  local facts
  group_state=absent group_location='' group_maker='' tagged_hub='' tagged_dps='' tagged_storage=''
  if ! facts=$(arm group show --name "$1" --output tsv --query "[properties.provisioningState, location,
    tags.\"$maker_tag\" || '-', tags.\"$maker-hub\" || '-', tags.\"$maker-dps\" || '-', tags.\"$maker-storage\" || '-']"); then
    said ResourceGroupNotFound || explain "look for resource group $1"
    return 0
  fi
  mapfile -t facts <<<"$facts"
  facts=("${facts[@]/#-/}") # a dash stands for nothing
  group_state=${facts[0]} group_location=${facts[1]} group_maker=${facts[2]}
  tagged_hub=${facts[3]} tagged_dps=${facts[4]} tagged_storage=${facts[5]}
}

# contents GROUP: TYPE, NAME and LOCATION of each resource, with tabs between them.
contents() {
  arm resource list --resource-group "$1" --query '[].[type, name, location]' --output tsv || explain "list resource group $1"
}
