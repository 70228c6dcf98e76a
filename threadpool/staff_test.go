package threadpool

import (
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestResize changes the number of handlers while clients produce: all is
// answered, as many as asked for are left, and stopping waits for nobody who has
// gone.
func TestResize(t *testing.T) {
	for name, set := range variants {
		t.Run(name, func(t *testing.T) {
			b, stop := start(t, config(t, append(set[:len(set):len(set)], "num.io.threads", "4")...))
			cl := client(t, b, kgo.RecordPartitioner(kgo.ManualPartitioner()))
			createTopic(t, cl, "t", 4)
			var wg sync.WaitGroup
			wg.Go(func() {
				for from := 0; from < 2000; from += 200 {
					produce(t, cl, "t", 4, from, from+200)
				}
			})
			for _, n := range []int{1, 6, 2, 2, 9, 3} {
				if err := b.setHandlers(n); err != nil {
					t.Fatal(err)
				}
				for deadline := time.Now().Add(10 * time.Second); b.staff.size() != n; time.Sleep(time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatalf("%d handlers, want %d", b.staff.size(), n)
					}
				}
			}
			wg.Wait()
			if others := len(b.crew.list()) - b.staff.size(); others != besides(b) {
				t.Errorf("%d threads besides the handlers, want %d", others, besides(b))
			}
			cl.Close()
			stop()
			if err := b.setHandlers(4); err == nil {
				t.Error("handlers were hired by a broker that has stopped")
			}
		})
	}
}

// besides is how many threads there are besides the handlers.
func besides(b *Broker) int {
	n := 1 + len(b.processors) + purgatories
	if b.writer != nil {
		n++
	}
	return n
}

// TestResizeAsked: the admin port takes the setting within its bounds only.
func TestResizeAsked(t *testing.T) {
	b, _ := start(t, config(t))
	for value, code := range map[string]int{"0": 400, "many": 400, "": 400, "5": 200} {
		w := httptest.NewRecorder()
		b.resize(w, httptest.NewRequest("POST", "/pool?num.io.threads="+value, nil))
		if w.Code != code {
			t.Errorf("%q: %d %s, want %d", value, w.Code, fmt.Sprint(w.Body), code)
		}
	}
	for b.staff.size() != 5 {
		time.Sleep(time.Millisecond)
	}
}
