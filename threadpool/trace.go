package threadpool

// step is a place on a request's way. A test may follow requests from step to
// step and see which thread took each; with nobody listening a step costs the
// look at a nil pointer.
type step uint8

const (
	stepDecoded   step = iota // header and body are parsed
	stepOffered               // about to enter the request queue
	stepStarted               // taken from it
	stepAppended              // written and committed, the locks still held
	stepParked                // not ready: about to enter a purgatory
	stepCompleted             // a purgatory's operation has its condition
	stepEncoded               // the response is ready to go back
	stepTaken                 // taken from the response queue
	stepSent                  // the kernel has the last byte
)

// at tells whoever listens that the calling thread is at a step with r.
func (b *Broker) at(s step, r *request) {
	if b.trace != nil {
		b.trace(s, r)
	}
}
