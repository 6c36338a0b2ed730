// Package town is the reference register and four small applications that
// read it: Dossier, Kairos, Ouiform and Suivi. Every person in it is invented, and
// computed from a seed and an index when asked for, so that a register of 43
// million people weighs nothing and is the same on every machine.
//
// The applications stand behind a gate like anybody's: they know of it only the
// signed header that says who asks, and one of them forgets a check. What is written in them
// they keep in files of their own; what of it gives somebody a reason (an enrolment, an
// appointment) they tell as any system would.
package town

//go:generate go run ./gen communes.json
