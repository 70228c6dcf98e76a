package api

import (
	"regexp"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ApiVersions, key 18. Served 0-4.
//
// Behaviour:
//   - The table of this package. No features are named: a client that saw
//     transaction.version or group.version would use what is not here.
//   - A newer version than ours is answered in version 0 with
//     UNSUPPORTED_VERSION and the row of ApiVersions itself, from which the
//     client learns which version to ask in (KIP-511).
//   - The response header never has tagged fields.
//
// Versions: 1 throttle time, 3 flexible, and the client says its name and
// version, which must be well formed (KIP-511); 4 features from version 0
// (KIP-1022).

const keyAPIVersions = 18

var softwareName = regexp.MustCompile(`^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$`)

func answerAPIVersions(_ *Env, in kmsg.Request) kmsg.Response {
	req := in.(*kmsg.ApiVersionsRequest)
	self := Lookup(keyAPIVersions)
	if req.Version > self.Max {
		resp := kmsg.NewPtrApiVersionsResponse()
		resp.ErrorCode, resp.ApiKeys = codeUnsupportedVersion, []kmsg.ApiVersionsResponseApiKey{versionRow(self)}
		return resp
	}
	resp := req.ResponseKind().(*kmsg.ApiVersionsResponse)
	if req.Version >= 3 && !(softwareName.MatchString(req.ClientSoftwareName) && softwareName.MatchString(req.ClientSoftwareVersion)) {
		resp.ErrorCode = codeInvalidRequest
		return resp
	}
	for _, a := range All() {
		resp.ApiKeys = append(resp.ApiKeys, versionRow(a))
	}
	return resp
}

func versionRow(a *API) kmsg.ApiVersionsResponseApiKey {
	k := kmsg.NewApiVersionsResponseApiKey()
	k.ApiKey, k.MinVersion, k.MaxVersion = a.Key, a.Min, a.Max
	return k
}
