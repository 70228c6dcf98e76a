package threadpool

import (
	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/wire"
)

// Keys of the two APIs that carry data.
const (
	produceKey = 0
	fetchKey   = 1
)

// decode reads the header and the body, on the network thread. An error closes
// the connection; versions that are answered with an error instead are up to
// the API.
func (r *request) decode() (err error) {
	if err = wire.ParseHeader(r.frame, &r.header); err != nil {
		return err
	}
	if r.api, err = api.Admit(&r.header); err != nil {
		return err
	}
	body := r.frame[r.header.Body:]
	switch r.header.Key {
	case produceKey:
		return r.produceReq.Parse(r.header.Version, body)
	case fetchKey:
		return r.fetchReq.Parse(r.header.Version, body)
	}
	r.cold, err = r.api.Decode(&r.header, body)
	return err
}
