package wire

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

// TestPiecesMakeNoDifference reads random requests, and broken ones, in pieces of
// every small size: the view and the error are those of one go.
func TestPiecesMakeNoDifference(t *testing.T) {
	r := rand.New(rand.NewPCG(seed, 11))
	pieces := 0
	for range 400 {
		pv, fv := ProduceMin+int16(r.IntN(int(ProduceMax-ProduceMin)+1)), FetchMin+int16(r.IntN(int(FetchMax-FetchMin)+1))
		produced, fetched := randomProduce(r, pv).AppendTo(nil), randomFetch(r, fv).AppendTo(nil)
		for _, b := range [][]byte{produced, fetched} {
			if n := r.IntN(4); n == 0 && len(b) > 0 {
				b[r.IntN(len(b))] ^= byte(1 + r.IntN(255))
			}
		}
		for n := 1; n < 5; n++ {
			var whole, cut ProduceRequest
			want := whole.Parse(pv, produced)
			got := cut.Begin(pv, produced)
			for more := got == nil; more; pieces++ {
				more, got = cut.ParseSome(n)
			}
			if text(want) != text(got) || want == nil && !reflect.DeepEqual(whole, cut) {
				t.Fatalf("seed %d: Produce v%d in pieces of %d: %v %+v, want %v %+v", seed, pv, n, got, cut, want, whole)
			}
			var all, some FetchRequest
			want = all.Parse(fv, fetched)
			got = some.Begin(fv, fetched)
			for more := got == nil; more; pieces++ {
				more, got = some.ParseSome(n)
			}
			if text(want) != text(got) || want == nil && !reflect.DeepEqual(all, some) {
				t.Fatalf("seed %d: Fetch v%d in pieces of %d: %v %+v, want %v %+v", seed, fv, n, got, some, want, all)
			}
		}
	}
	if pieces < 400*8 {
		t.Errorf("%d pieces of %d requests: nothing was cut", pieces, 400)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
