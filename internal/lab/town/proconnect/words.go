package proconnect

import "slices"

// words are what the pages say, in one language.
type words struct {
	Lang                       string
	Name, Imitation, Warning   string
	Title, Lead                string
	AgainTitle, AgainLead      string
	Enter, Decline             string
	SignsInBy                  string
	Nobody                     string
	ProblemTitle, ProblemText  string
	AboutTitle, AboutText      string
	VisitText, Leave           string
	LeftTitle, LeftText        string
	UntoldText                 string
	Language                   string
	Key, Code, Mailed, Several string
	Password                   string
}

var french = words{
	Lang: "fr",
	Name: "Le guichet d’identité", Imitation: "Imitation pour la démonstration",
	Warning: "Cette page joue le rôle de ProConnect pour faire essayer Poterne. " +
		"Les personnes sont inventées et aucun mot de passe n’est demandé.",
	Title: "Qui êtes-vous aujourd’hui ?", Lead: "Choisissez sous quel nom vous voulez entrer dans",
	AgainTitle: "Est-ce toujours vous ?", AgainLead: "Identifiez-vous de nouveau, sous le même nom, pour",
	Enter: "Entrer comme", Decline: "Renoncer et revenir",
	SignsInBy:    "Se connecte avec",
	Nobody:       "Les personnes de la démonstration apparaîtront ici.",
	ProblemTitle: "Cette demande n’est pas en ordre",
	ProblemText:  "Le service qui vous envoie a mal rédigé sa demande. Personne n’a été connecté. Revenez en arrière et recommencez ; si cela se répète, voici ce qui est utile à qui exploite le service :",
	AboutTitle:   "Un fournisseur d’identité pour la démonstration",
	AboutText:    "Il n’y a rien à faire ici directement. Ouvrez le portail de Poterne et demandez à vous connecter : il vous enverra sur la bonne page.",
	VisitText:    "Vous êtes sous ce nom dans tous les services où vous êtes entré avec ce navigateur.", Leave: "Se déconnecter partout",
	LeftTitle: "Vous êtes déconnecté", LeftText: "Les services où vous étiez entré avec ce navigateur en ont été avertis.",
	UntoldText: "Vous êtes déconnecté ici, mais un service n’a pas confirmé. Déconnectez-vous aussi dans ce service.",
	Language:   "Langue",
	Key:        "une clé de sécurité", Code: "un mot de passe et le code d’une application",
	Mailed: "un mot de passe et un code reçu par courriel", Several: "plusieurs moyens, non précisés", Password: "un mot de passe seul",
}

var english = words{
	Lang: "en",
	Name: "The identity desk", Imitation: "An imitation for the demonstration",
	Warning: "This page plays the part of ProConnect so that Poterne can be tried. " +
		"The people are invented and no password is asked for.",
	Title: "Who are you today?", Lead: "Choose the person you want to enter as, in",
	AgainTitle: "Is it still you?", AgainLead: "Identify yourself again, as the same person, for",
	Enter: "Enter as", Decline: "Cancel and go back",
	SignsInBy:    "Signs in with",
	Nobody:       "The demonstration’s people will appear here.",
	ProblemTitle: "This request is not in order",
	ProblemText:  "The service that sent you wrote its request wrongly. Nobody was signed in. Go back and try again; if it happens once more, this helps whoever runs the service:",
	AboutTitle:   "An identity provider for the demonstration",
	AboutText:    "There is nothing to do here directly. Open Poterne’s portal and ask to sign in: it will send you to the right page.",
	VisitText:    "You go by this name in every service that you entered with this browser.", Leave: "Sign out everywhere",
	LeftTitle: "You are signed out", LeftText: "The services that you entered with this browser have been told.",
	UntoldText: "You are signed out here, but a service did not confirm it. Sign out in that service too.",
	Language:   "Language",
	Key:        "a security key", Code: "a password and an application’s code",
	Mailed: "a password and a code by e-mail", Several: "several means, not named", Password: "a password alone",
}

func (w words) pick(p Phrase) string {
	if w.Lang == "en" {
		return p.English
	}
	return p.French
}

// factor says in words how somebody signs in.
func (w words) factor(amr []string) string {
	used := func(means ...string) bool {
		return slices.ContainsFunc(means, func(m string) bool { return slices.Contains(amr, m) })
	}
	switch {
	case used("hwk", "swk", "pop"):
		return w.Key
	case used("mail"):
		return w.Mailed
	case used("otp"):
		return w.Code
	case used("mfa"):
		return w.Several
	}
	return w.Password
}
