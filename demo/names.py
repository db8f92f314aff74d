"""Made-up names. None is a real company's; addresses end in .example, which nobody can register."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Country:
    """A country's share of the customers, its language, time zone, currency and names."""

    code: str
    share: float
    locale: str
    zone: str
    currency: str
    roots: tuple[str, ...]
    trades: tuple[str, ...]
    forms: tuple[str, ...]
    given: tuple[str, ...]
    family: tuple[str, ...]

    @property
    def language(self) -> str:
        """Two-letter language code."""
        return self.locale[:2]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_GERMAN_GIVEN = _words(
    "Anna Lukas Sophie Jonas Marie Felix Lena Paul Clara Moritz Johanna Emil Katharina Niklas Greta David Ida "
    "Matthias Ulrike Henrik Renate Jürgen Svenja Torben Heike Carsten Birgit Florian Nadine Oliver"
)
_GERMAN_FAMILY = _words(
    "Brandhorst Ellinger Fassbender Grothe Hagedorn Isenberg Jansing Kaltenbach Lindqvist Mönch Niederhof Obermaier "
    "Petzold Quandter Rehbein Stollberg Thalmann Uhlig Vosskamp Wiesner Zehntner Ackerl Böhning Dreesen Eichstätt"
)
_GERMAN_ROOTS = _words(
    "Alpenrad Birkwald Dornbusch Eschenhof Falkenau Grünfels Heidesee Immertal Kornblum Lerchenfeld Moorwind "
    "Nordhafen Ostertor Pfauenau Quellgrund Rotbuche Silberbach Tannengrund Uferlos Volksgarten Weissdorn Zirbelholz "
    "Brückmann Elbgrund Finkenwerk Haselhain Kaltwasser Lindenkamp Mühlrain Steinadler"
)
_GERMAN_TRADES = _words(
    "Logistik Versand Energie Pflege Reisen Medien Werkzeuge Immobilien Lehrmittel Druck Saatgut Textil Optik "
    "Holzbau Versicherungsmakler Lebensmittel Gastro Akademie"
)
_ENGLISH_GIVEN = _words(
    "Olivia Noah Amelia Jack Isla Harry Grace Leo Ava Oscar Freya Arthur Poppy Theo Ruby Finley Maya Callum "
    "Eleanor Ravi Chloe Dylan Zara Owen Imani Marcus Naomi Elliott Tamsin Grant"
)
_ENGLISH_FAMILY = _words(
    "Ashworth Blakemore Carrington Dunmore Everleigh Fairbrook Goodwin Hartnell Inglewood Kettering Langford "
    "Merriweather Northcott Oakhurst Pemberton Quillen Ravenhill Stanwick Thornbury Underhill Vance Westlake "
    "Yardley Okafor Banerjee Castellan Delacroix Whitcombe"
)
_ENGLISH_ROOTS = _words(
    "Amberlane Brightmoor Copperfield Driftwood Elmcrest Foxglove Greywater Harborline Ironbridge Juniper Kingsmoor "
    "Larkspur Mapleton Northgate Oakhollow Pinecrest Quarrystone Redfern Saltmarsh Thistledown Umberford Violetfield "
    "Willowbank Yarrowdale Bluehollow Cinderford Dovecote Emberly Fernhill Goldcrest"
)
_ENGLISH_TRADES = _words(
    "Freight Dental Outfitters Energy Travel Media Tools Homes Learning Print Seeds Textiles Optics Fitness Insurance "
    "Foods Kitchens Studios"
)

COUNTRIES = (
    Country("DE", 0.33, "de-DE", "Europe/Berlin", "EUR", _GERMAN_ROOTS, _GERMAN_TRADES, ("GmbH", "AG", "KG", "GmbH"),
            _GERMAN_GIVEN, _GERMAN_FAMILY),
    Country("AT", 0.07, "de-AT", "Europe/Vienna", "EUR", _GERMAN_ROOTS, _GERMAN_TRADES, ("GmbH", "OG"),
            _GERMAN_GIVEN, _GERMAN_FAMILY),
    Country("CH", 0.05, "de-CH", "Europe/Zurich", "CHF", _GERMAN_ROOTS, _GERMAN_TRADES, ("AG", "GmbH"),
            _GERMAN_GIVEN, _GERMAN_FAMILY),
    Country("FR", 0.11, "fr-FR", "Europe/Paris", "EUR",
            _words("Beauval Clairmont Duvernay Épinette Fontclaire Grandpré Hautbois Larivière Merlebleu Noirétable "
                   "Pontvert Rochebrune Sablonnière Tournesol Valombre Châtelmont Boisjoli Montfleuri Aubépine"),
            _words("Transport Voyages Énergie Édition Outillage Immobilier Formation Imprimerie Semences Textile "
                   "Optique Santé Assurances Traiteur"),
            ("SAS", "SARL", "SA"),
            _words("Camille Louis Manon Hugo Inès Gabriel Léa Arthur Juliette Raphaël Zoé Antoine Élise Bastien "
                   "Margaux Thibault Sylvie Étienne Nathalie Olivier"),
            _words("Aubertin Boisselier Chastagnier Delaunoy Escoffet Fauvelle Garancher Hurtebise Jolivard Lacombe "
                   "Marchadier Nivernais Peyrolle Quentinois Roussignac Sauvageot Taillefer Vauquelin")),
    Country("ES", 0.08, "es-ES", "Europe/Madrid", "EUR",
            _words("Almendral Brisamar Campoluz Dehesa Encinares Fuenclara Guadaliz Hontanar Jarales Lomaverde "
                   "Naranjal Olivares Peñablanca Riosol Sierraluz Torreblanca Valdeoro"),
            _words("Logística Viajes Energía Editorial Herramientas Inmobiliaria Formación Imprenta Semillas Textil "
                   "Óptica Salud Seguros Alimentos"),
            ("SL", "SA", "SLU"),
            _words("Lucía Mateo Carmen Álvaro Elena Pablo Marta Sergio Nuria Javier Irene Rubén Pilar Andrés Rocío "
                   "Gonzalo Inmaculada Íñigo"),
            _words("Arrizabal Bermejuelo Carrascal Domenech Espinosa Fuentefría Galdós Hinojal Izaguirre Larrabeiti "
                   "Montalbán Navascués Olmedilla Peñalver Quintanar Robledano Sotomayor Urrutia")),
    Country("GB", 0.11, "en-GB", "Europe/London", "GBP", _ENGLISH_ROOTS, _ENGLISH_TRADES, ("Ltd", "LLP", "Ltd"),
            _ENGLISH_GIVEN, _ENGLISH_FAMILY),
    Country("US", 0.12, "en-US", "America/New_York", "USD", _ENGLISH_ROOTS, _ENGLISH_TRADES, ("Inc", "LLC", "Co"),
            _ENGLISH_GIVEN, _ENGLISH_FAMILY),
    Country("RO", 0.06, "ro-RO", "Europe/Bucharest", "EUR",
            _words("Brădet Cetina Dealul Făgetul Izvorul Lunca Mestecăn Pădurea Stejar Teiul Valea Zăvoi Cireșul "
                   "Poiana Runcu Salcia"),
            _words("Logistic Turism Energie Media Unelte Imobiliare Educație Tipografie Semințe Textil Optic Sănătate "
                   "Asigurări Alimentar"),
            ("SRL", "SA"),
            _words("Andreea Mihai Ioana Radu Elena Ștefan Cristina Vlad Ana Bogdan Raluca Cătălin Simona Dragoș Oana "
                   "Sorin"),
            _words("Bălănescu Cojocaru Drăgulin Făgădaru Ghimpețeanu Iordăchescu Lăzăroiu Mănescu Năstăsel Olteanca "
                   "Păduraru Răchitan Săvulescu Țurcanu Vrânceanu")),
    Country("EE", 0.04, "ru-EE", "Europe/Tallinn", "EUR",
            _words("Берёзка Волнорез Гранит Дубрава Журавль Заря Калина Лагуна Маяк Нива Озёрный Парус Родник Сосновый "
                   "Тополь Ясень"),
            _words("Логистика Туризм Энергия Медиа Инструмент Недвижимость Обучение Печать Семена Текстиль Оптика "
                   "Медицина Продукты"),
            ("OÜ", "AS"),
            _words("Анна Дмитрий Елена Сергей Ольга Иван Наталья Павел Татьяна Михаил Ирина Виктор Светлана Кирилл "
                   "Марина Тимур"),
            _words("Берестов Ветров Гордеенко Дорошин Ермилов Жаворонков Зимин Калинчук Лесных Морозюк Никитченко "
                   "Орлюк Полевой Рябинин Соколенко Туманов")),
    Country("CN", 0.03, "zh-CN", "Asia/Shanghai", "EUR",
            _words("云帆 星禾 青岭 海棠 晨露 远山 金穗 南桥 松涛 白鹭 清泉 锦程"),
            _words("物流 旅行 能源 传媒 工具 置业 教育 印务 种业 纺织 光学 食品"),
            ("有限公司",),
            _words("伟 芳 娜 敏 静 丽 强 磊 洋 艳 勇 杰 涛 明 超 秀英"),
            _words("王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙")),
)  # fmt: skip

TRADE_SECTORS = ("logistics", "travel", "energy", "media", "manufacturing", "real estate", "education", "retail",
                 "health", "insurance", "food")  # fmt: skip

CHAMPION_NAME = "Moorwind Energie AG"
GROUP_NAME, FOLDED_NAME = "Harborline Freight Ltd", "Harborline Cold Chain Ltd"
HOSTILE_NAME = "=Quarrystone & Sons <b>Ltd</b>"


def company_names(countries: list[Country], rng: np.random.Generator) -> list[str]:
    """A different name for each of ``countries``' companies."""
    taken = {CHAMPION_NAME, GROUP_NAME, FOLDED_NAME, HOSTILE_NAME}
    names = []
    for country in countries:
        for attempt in range(1000):
            root, trade = _pick(country.roots, rng), _pick(country.trades, rng)
            if attempt > 20:  # all plain combinations near their end: two roots
                root = f"{root} {_pick(country.roots, rng)}"
            name = f"{root} {trade} {_pick(country.forms, rng)}"
            if country.code == "CN":
                name = name.replace(" ", "")
            if name not in taken:
                break
        taken.add(name)
        names.append(name)
    return names


def _pick(words: tuple[str, ...], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]


def domain(name: str, number: int) -> str:
    """A reserved domain for a company.

    >>> domain("Grünfels Pflege GmbH", 1007)
    'grunfels-pflege-1007.example'
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)[:2]
    return "-".join([*words, str(number)]) + ".example"
