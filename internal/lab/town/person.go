package town

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"
)

// Sex is what the civil register says.
type Sex string

// The two that names and notes depend on.
const (
	Woman Sex = "F"
	Man   Sex = "M"
)

// Status says where a person stands with the register.
type Status string

// The states of a file. Few of the people in the register are followed today.
const (
	Registered      Status = "registered"       // followed now
	StruckOff       Status = "struck-off"       // was followed
	NeverRegistered Status = "never-registered" // has an account only
)

// Job is a trade in the employment service's list of trades.
type Job struct{ Code, Label string }

// Note is what somebody who accompanies a person wrote.
type Note struct {
	On   time.Time
	By   string
	Text string
	How  string // by what they were in touch, as the application calls it; empty for a note
}

// Person is one invented person.
type Person struct {
	Index             int
	Dossier, FT, Mail string
	Sex               Sex
	Surname, First    string
	Birth             time.Time
	Birthplace        *Commune
	NIR               string
	Phone             string
	Street, Postcode  string
	Commune           *Commune
	Status            Status
	Since             time.Time
	Sought            Job
	Experience        int // years
	Notes             []Note
}

// Format prints every verb as (person): even invented people stay out of logs.
func (Person) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, "(person)") }

// LogValue keeps people out of logs.
func (Person) LogValue() slog.Value { return slog.StringValue("(person)") }

// Name is the person's first name and surname, as files write them.
func (p Person) Name() string { return p.First + " " + p.Surname }

// facet keeps what is drawn about a person apart, so that a part of them can be
// computed without the rest.
type facet uint64

const (
	facetCivil facet = iota
	facetHome
	facetStanding
	facetLife
)

func (r *Register) dice(i int, f facet) *dice {
	d := dice(mix(r.seed ^ mix(uint64(i)<<8|uint64(f))))
	return &d
}

// Person computes person i, who must be from 0 to the register's size.
func (r *Register) Person(i int) Person {
	if i < 0 || i >= r.size {
		panic("town: nobody has that index")
	}
	c, home := r.civil(i), r.dice(i, facetHome)
	p := Person{
		Index: i, Dossier: r.Dossier(i), FT: r.FT(i), Mail: r.mailOf(i, c),
		Sex: c.sex, Surname: r.tables.surnameOf[c.surname].text, First: c.first.text, Birth: c.birth,
		Commune: r.commune(i, home),
	}
	p.Street = strconv.Itoa(1+home.below(120)) + " " + pick(home, streets)
	p.Postcode = pick(home, p.Commune.Postcodes)
	p.Status, p.Since = r.standing(i, c.birth)

	life := r.dice(i, facetLife)
	p.Birthplace = p.Commune
	if life.below(10) < 6 { // most people have moved
		p.Birthplace = r.tables.communes.pick(life)
	}
	p.NIR = nir(c.birth, p.Birthplace, 1+life.below(999))
	p.Phone = phone(life, p.Commune.Region)
	p.Sought = pick(life, jobs)
	p.Experience = life.below(max(1, asOf.Year()-c.birth.Year()-16))
	if p.Status != NeverRegistered {
		p.Notes = notes(life, p.Since)
	}
	return p
}

// civil is what a person is searched by.
type civil struct {
	sex     Sex
	birth   time.Time
	surname int // its number in the table
	first   name
	host    int // which host their e-mail is at
}

// Whoever is in the register in 2026 was born in these years: 16 to 67 years old.
var (
	firstBirth = day(1959, time.January, 1)
	lastBirth  = day(2009, time.December, 31)
	birthDays  = int(lastBirth.Sub(firstBirth).Hours())/24 + 1
)

func (r *Register) civil(i int) civil {
	d := r.dice(i, facetCivil)
	c := civil{sex: Woman, birth: firstBirth.AddDate(0, 0, d.below(birthDays))}
	if d.below(2) == 1 {
		c.sex = Man
	}
	c.surname = r.tables.surnames.pick(d)
	c.first = r.tables.firstName(c.sex, c.birth.Year(), d)
	c.host = d.below(len(mailHosts))
	return c
}

func (r *Register) commune(i int, home *dice) *Commune {
	if i < basin {
		return r.tables.basin.pick(home)
	}
	return r.tables.communes.pick(home)
}

// standing draws a status: of 43 million files about 6 million are followed.
func (r *Register) standing(i int, birth time.Time) (Status, time.Time) {
	d := r.dice(i, facetStanding)
	status, ago := StruckOff, 60+d.below(20*365)
	switch n := d.below(100); {
	case n < 14:
		status, ago = Registered, d.below(900)
	case n < 40:
		status, ago = NeverRegistered, d.below(8*365)
	}
	since, grown := asOf.AddDate(0, 0, -ago), birth.AddDate(16, 0, 0)
	if since.Before(grown) {
		since = grown
	}
	if since.After(asOf) {
		since = asOf
	}
	return status, since
}

// phone takes a number from the blocks that are kept for fiction, which nobody
// can be reached at.
func phone(d *dice, region string) string {
	block := "06 39 98"
	if zone, ok := landlines[region]; ok && d.below(10) < 2 {
		block = zone
	}
	n := d.below(10000)
	return fmt.Sprintf("%s %02d %02d", block, n/100, n%100)
}

var landlines = map[string]string{
	"11": "01 99 00",
	"24": "02 61 91", "28": "02 61 91", "52": "02 61 91", "53": "02 61 91",
	"27": "03 53 01", "32": "03 53 01", "44": "03 53 01",
	"84": "04 65 71", "93": "04 65 71", "94": "04 65 71",
	"75": "05 36 49", "76": "05 36 49",
}

func notes(d *dice, since time.Time) []Note {
	if days := int(asOf.Sub(since).Hours() / 24); days > 0 {
		some := make([]Note, d.below(4))
		on := since
		for n := range some {
			on = on.AddDate(0, 0, d.below(1+days/len(some)))
			some[n] = Note{On: on, By: pick(d, noteAuthors), Text: pick(d, noteTexts)}
		}
		return some
	}
	return nil
}

var noteAuthors = []string{"Conseiller référent", "Conseillère référente", "Accueil de l’agence", "Plateforme téléphonique"}

var noteTexts = []string{
	"Premier entretien : projet confirmé, CV à reprendre avant la prochaine rencontre.",
	"Souhaite un temps plein, mobile à trente minutes, permis B en cours.",
	"Atelier « Préparer un entretien » proposé, inscription faite avec la personne.",
	"N’a pas pu se déplacer, rendez-vous reporté d’une semaine.",
	"Deux candidatures envoyées cette semaine, une réponse attendue.",
	"Immersion de cinq jours trouvée, convention à signer.",
	"Garde d’enfants réglée, disponible à partir de lundi.",
	"Demande de formation déposée, devis reçu du centre.",
	"Relance faite : pas encore de retour de l’employeur.",
	"A retrouvé un contrat court, suivi maintenu à sa demande.",
	"Droits expliqués, dossier complet, aucune pièce manquante.",
	"Bilan à trois mois : le projet tient, prochaine étape la mise en situation.",
	"Changement d’adresse pris en compte.",
	"Préfère un appel l’après-midi à un message.",
}

var streets = []string{
	"rue de l’Église", "place de l’Église", "Grande Rue", "rue du Moulin", "place de la Mairie", "rue du Château",
	"rue des Écoles", "rue de la Gare", "rue de la Mairie", "rue Principale", "rue du Stade", "rue de la Fontaine",
	"rue Pasteur", "rue Victor-Hugo", "rue des Jardins", "rue de la Poste", "rue des Lilas", "rue des Tilleuls",
	"avenue de la République", "rue Jean-Moulin", "rue Jules-Ferry", "rue de Verdun", "rue du 8-Mai-1945",
	"rue du 11-Novembre", "chemin des Vignes", "rue Émile-Zola", "rue Jean-Jaurès", "avenue du Général-de-Gaulle",
	"rue de la Liberté", "rue des Roses", "rue du Lavoir", "allée des Acacias", "rue du Faubourg", "impasse des Cerisiers",
	"route de Paris", "rue Molière", "rue Gambetta", "boulevard Voltaire", "rue des Champs", "rue du Pont", "quai de la Rivière",
	"rue Louis-Pasteur", "rue Marie-Curie", "rue des Prés", "rue du Marché", "place du Marché", "rue Neuve", "chemin du Bois",
}

// The codes and labels of trades are of the form that the French list of trades
// (ROME) has.
var jobs = []Job{
	{"A1203", "Entretien des espaces verts"},
	{"A1416", "Polyculture, élevage"},
	{"B1803", "Réalisation de vêtements sur mesure"},
	{"C1201", "Accueil et services bancaires"},
	{"D1102", "Boulangerie et viennoiserie"},
	{"D1106", "Vente en alimentation"},
	{"D1202", "Coiffure"},
	{"D1211", "Vente en articles de sport et loisirs"},
	{"D1214", "Vente en habillement"},
	{"D1402", "Relation commerciale auprès des entreprises"},
	{"D1505", "Personnel de caisse"},
	{"D1507", "Mise en rayon libre-service"},
	{"E1205", "Réalisation de contenus multimédias"},
	{"F1602", "Électricité bâtiment"},
	{"F1603", "Installation d’équipements sanitaires et thermiques"},
	{"F1606", "Peinture en bâtiment"},
	{"F1607", "Pose de fermetures menuisées"},
	{"F1702", "Construction de routes et voies"},
	{"F1703", "Maçonnerie"},
	{"F1704", "Préparation du gros œuvre"},
	{"G1204", "Éducation en activités sportives"},
	{"G1501", "Personnel d’étage"},
	{"G1602", "Personnel de cuisine"},
	{"G1603", "Personnel polyvalent en restauration"},
	{"G1605", "Plonge en restauration"},
	{"G1703", "Réception en hôtellerie"},
	{"G1803", "Service en restauration"},
	{"H1203", "Conception et dessin de produits mécaniques"},
	{"H2102", "Conduite d’équipement de production alimentaire"},
	{"H2903", "Conduite d’équipement d’usinage"},
	{"H2909", "Montage et assemblage mécanique"},
	{"H2913", "Soudage manuel"},
	{"H3302", "Opérations manuelles d’assemblage, tri ou emballage"},
	{"I1304", "Installation et maintenance d’équipements industriels"},
	{"I1604", "Mécanique automobile"},
	{"J1301", "Personnel polyvalent des services hospitaliers"},
	{"J1501", "Soins d’hygiène et de confort du patient"},
	{"J1506", "Soins infirmiers généralistes"},
	{"K1302", "Assistance auprès d’adultes"},
	{"K1303", "Assistance auprès d’enfants"},
	{"K1304", "Services domestiques"},
	{"K2104", "Éducation et surveillance en établissement scolaire"},
	{"K2204", "Nettoyage de locaux"},
	{"K2503", "Sécurité et surveillance privées"},
	{"M1203", "Comptabilité"},
	{"M1501", "Assistance en ressources humaines"},
	{"M1601", "Accueil et renseignements"},
	{"M1602", "Opérations administratives"},
	{"M1607", "Secrétariat"},
	{"M1805", "Études et développement informatique"},
	{"M1810", "Production et exploitation de systèmes d’information"},
	{"N1101", "Conduite d’engins de déplacement des charges"},
	{"N1103", "Magasinage et préparation de commandes"},
	{"N1105", "Manutention manuelle de charges"},
	{"N4101", "Conduite de transport de marchandises sur longue distance"},
	{"N4103", "Conduite de transport en commun sur route"},
	{"N4105", "Conduite et livraison sur courte distance"},
}
