"""Where the local hub and Azurite differ, and why (test_azurite.py).

A line: names of requests and fields ("a | b", with the wildcards of fnmatch), the hub's value and
Azurite's (None for a field that is not there; with wildcards), and the reason. "The service" is
Azure Blob Storage as its documents describe it.
"""

SOME = "(some)"
FAILED = "403 AuthenticationFailed"
AZURITES = "403 AuthorizationFailure"

EXPLAINED = [
    # ---- Heads ----
    ("*", "x-ms-version", "*", "2*",
     "Azurite names its newest version; the service repeats the request's."),
    ("*", "x-ms-version", "*", None, "Azurite leaves it out of refusals; the service repeats it."),
    ("get | get, * | plain date | account sas, * | if * | md5 without range | range 5-4 | "
     "range 0-1,3-4 | committed * | sas, *",
     "x-ms-blob-content-md5", None, "*", "The service sends it with ranges only."),
    ("if not etag, same | if modified", "content-type", None, "application/xml",
     "Azurite announces a type for a 304, which has no body."),
    ("container HEAD*", "content-length", "0", None, "Azurite leaves it out of answers to HEAD."),
    ("head, none | head if etag, other", "content-length", "0", None,
     "Azurite leaves it out of answers to HEAD."),
    ("metadata HEAD", "content-length", "0", "10",
     "Azurite announces the blob's size for its metadata."),
    ("metadata GET | metadata PUT read", "*", None, "*",
     "Azurite sends the blob itself with its metadata."),
    ("metadata GET | metadata PUT read", "body | content-length", "*", "*",
     "Azurite sends the blob itself with its metadata."),
    ("block 1 | block 2 | block, empty | block of an unborn blob", "content-md5", "*", None,
     "Azurite leaves out the digest of a block, which the service sends."),
    ("committed again | committed nothing", "content-md5", None, "*",
     "Azurite computes a digest for a blob of blocks; the service has only what the commit said."),
    ("range with md5 false", "content-md5", None, "*",
     "Azurite adds a digest to every small range; the service to those that ask."),
    # ---- Refusals without a code ----
    ("create, no restype | containers, * | account, unknown comp | put, no blob type | "
     "put, unknown blob type | put, page blob without size | block, no id | block list, some | "
     "commit, no xml | list, zero | list, words | list, unknown include | unknown comp | "
     "unknown restype | get of a container without restype", "outcome", "400 *", "400",
     "Azurite's generated parser refuses without a code and a body."),
    ("unknown method | post", "outcome", "405 UnsupportedHttpVerb", "400",
     "Azurite's generated parser knows no such request; the service answers 405."),
    ("block, id is no base64", "body/Error/*", None, "*",
     "Azurite repeats the parameter in the error."),
    # ---- Stricter or more exact than Azurite ----
    ("create, public", "outcome", "409 PublicAccessNotPermitted", "201",
     "The hub is an account whose public access is switched off."),
    ("containers", "body/EnumerationResults/Containers/Container#*", None, "*",
     "Azurite has the public container, which the hub refused."),
    ("service properties", "body/StorageServiceProperties/Logging/*", "false", "true",
     "Azurite says that it logs for its users; the hub has no such logs."),
    ("service properties", "body/StorageServiceProperties/DefaultServiceVersion", "*", "*",
     "Each names its own."),
    ("service properties", "body/StorageServiceProperties/DeleteRetentionPolicy/Enabled", "false",
     None, "Azurite leaves out what it does not have."),
    ("account information", "x-ms-sku-name", "Standard_LRS", "Standard_RAGRS",
     "The hub keeps one copy and says so."),
    ("put, other md5 | put, md5 is no md5 | put, other blob md5 | block, other md5", "outcome",
     "400 *Md5*", "400 InvalidOperation", "Azurite has another code for digests that do not fit."),
    ("put, name of 1025", "outcome", "400 InvalidResourceName", "201",
     "A name has at most 1,024 bytes; Azurite does not count."),
    ("commit, unknown element", "outcome", "400 InvalidXmlDocument", "400 InvalidBlockList",
     "Azurite ignores the element and misses its block."),
    ("if modified, no date", "outcome", "400 InvalidHeaderValue", "304 ConditionNotMet",
     "Azurite compares with a date that is none."),
    ("if both, etag decides", "outcome", "200", "412 ConditionNotMet",
     "With If-Match the date does not count (RFC 9110, 13.1.4); Azurite looks at both on reads."),
    ("if etag, list", "outcome", "200", "412 ConditionNotMet",
     "Azurite takes a list of tags for one tag."),
    # ---- Ranges ----
    ("range 10- | range 10-20", "outcome", "416 InvalidRange", "206",
     "Azurite lets a range begin at the end and sends nothing with a backward Content-Range."),
    ("range of empty 0- | range of empty 0-0", "outcome", "416 InvalidRange", "206",
     "An empty blob has no bytes to send; Azurite sends none with a negative Content-Range."),
    ("range x-y | range - | range suffix", "outcome", "200", "500",
     "Azurite's parser fails; a header that cannot be read is ignored."),
    ("range 3", "outcome", "200", "206", "Azurite takes a number for the beginning of a range."),
    ("range, other unit", "outcome", "200", "206", "Azurite does not look at the unit."),
    # ---- Blocks and lists ----
    ("block list, *", "etag | last-modified", None, SOME,
     "Azurite gives a version to a blob that has only uncommitted blocks."),
    ("block list, uncommitted | block list, all", "body/BlockList/UncommittedBlocks/*", "*", "*",
     "The hub sorts uncommitted blocks by id, Azurite by arrival."),
    ("list* | *, list*", "body/*/AccessTierChangeTime", None, "*",
     "Nobody has changed a tier; Azurite gives the time of creation."),
    ("list, long delimiter", "body/EnumerationResults/Blobs/BlobPrefix/Name", "dir/", "dir",
     "A prefix ends after the whole delimiter; Azurite cuts after its first character."),
    ("list, uncommitted", "body/*/Creation-Time | body/*/Etag | body/*/Last-Modified", None, SOME,
     "Only a commit makes a version."),
    # ---- CRC-64 ----
    ("crc64 | crc64 of range", "outcome", "20*", "500 FeatureNotSupported",
     "Azurite knows no CRC64."),
    ("crc64, other | crc64 and md5 | crc64 without range", "outcome", "400 *",
     "500 FeatureNotSupported", "Azurite knows no CRC64."),
    # ---- Demands that the hub does not meet ----
    ("snapshot HEAD | snapshot, no container, HEAD | lease, HEAD", "content-length", "0", None,
     "Azurite leaves it out of answers to HEAD."),
    ("still there", "x-ms-blob-content-md5", None, "*", "The service sends it with ranges only."),
    ("tier Bogus", "body/Error/*", None, "*", "Azurite repeats the header in the error."),
    ("snapshot, no such, *", "outcome", "400 InvalidQueryParameterValue", "404 BlobNotFound",
     "A snapshot is named by a moment; Azurite takes every word for one."),
    ("snapshot, empty", "outcome", "400 InvalidQueryParameterValue", "200",
     "Azurite ignores the parameter and answers for the blob."),
    ("snapshot PUT", "outcome", "400 InvalidQueryParameterValue", "201",
     "Nobody writes to a snapshot; Azurite writes to the blob."),
    ("version *", "outcome", "404 BlobNotFound", "20*",
     "Azurite ignores the parameter and acts on the blob."),
    ("delete snapshots, other", "outcome", "400 InvalidHeaderValue", "400",
     "Azurite's generated parser refuses without a code and a body."),
    ("if tags, put new", "outcome", "412 ConditionNotMet", "201",
     "A blob that is not there has no tags; Azurite looks at conditions only when it is."),
    ("unsupported *", "outcome", "400 UnsupportedHeader", "201",
     "Azurite ignores the header; the hub says that it cannot do what it asks for."),
    ("unsupported tags", "outcome", "400 UnsupportedHeader", "500",
     "Azurite has tags, and its parser fails on what are none."),
    ("unsupported legal-hold | unsupported immutability-policy-mode", "outcome",
     "400 UnsupportedHeader", "400", "Azurite's generated parser knows other values only."),
    ("unsupported encryption-key", "outcome", "400 UnsupportedHeader", "500 FeatureNotSupported",
     "Azurite refuses with a code of its own."),
    # ---- Who may do what ----
    ("anonymous | anonymous, none | other scheme | bearer", "outcome",
     "401 NoAuthenticationInformation", AZURITES, "Azurite has one code for every refusal."),
    ("wrong key | wrong account | half a key", "outcome", FAILED, AZURITES,
     "Azurite has one code for every refusal."),
    ("old date | date of the future | no date | no date but words", "outcome", FAILED, "200",
     "Azurite does not look at the date; the service allows 15 minutes."),
    ("sas, expired | sas, not yet | sas, no expiry | sas, stored policy | sas, no permission | "
     "sas, other blob | sas, container for a blob's token | sas, container, other one | "
     "sas, unknown resource | sas, other signature | sas, no version | account sas, expired",
     "outcome", FAILED, AZURITES, "Azurite has one code for every refusal."),
    ("sas, expiry is no date | sas, start is no date", "outcome", FAILED, "200",
     "Azurite compares with a date that is none, and lets it pass."),
    ("sas, other address | sas, other range | sas, address is none | account sas, other address",
     "outcome", "403 AuthorizationSourceIPMismatch", "200", "Azurite does not look at addresses."),
]
