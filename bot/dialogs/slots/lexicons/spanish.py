"""Spanish, with Mexico's usage first. Accents do not matter; phrases of one meaning are separated by commas."""

from __future__ import annotations

from bot.dialogs.slots.atoms import MIDNIGHT, Atom, Daypart, Kind

_UNITS = ("cero", "un, uno, una", "dos", "tres", "cuatro", "cinco", "seis, séis", "siete", "ocho", "nueve", "diez, dies")
_TEENS = "once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve"
_TWENTIES = "veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve"
_TENS = {30: "treinta", 40: "cuarenta", 50: "cincuenta", 60: "sesenta", 70: "setenta", 80: "ochenta", 90: "noventa"}


def _numbers() -> dict[int, str]:
    found = dict(enumerate((*_UNITS, *_TEENS.split(), *_TWENTIES.split())))
    found[21] = "veintiuno, veintiún, veintiuna"
    for ten, name in _TENS.items():
        found[ten] = name
        for unit in range(1, 10):
            found[ten + unit] = ", ".join(f"{name} y {word.strip()}" for word in _UNITS[unit].split(","))
    found[100] = "cien, ciento"
    return found


_WEEK = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")

NUMBERS = _numbers()

ORDINALS = {
    1: "primero, primera, primer, 1ro, 1ra",
    2: "segundo, segunda",
    3: "tercero, tercera, tercer",
    4: "cuarto, cuarta",
    5: "quinto, quinta",
    6: "sexto, sexta",
    7: "séptimo, séptima",
    8: "octavo, octava",
    9: "noveno, novena",
    10: "décimo, décima",
}

WORDS: dict[Kind, dict[int, str]] = {
    Kind.DAY: {
        0: "hoy, oi, el día de hoy, hoy mismo",
        1: "mañana, el día de mañana, mañan, mñn, mnn, mñana, mañna, mañaba, manana mismo",
        2: "pasado mañana, psado mañana, pasdo mañana",
        -1: "ayer",
        -2: "anteayer, antier, antes de ayer",
        7: "de hoy en ocho, hoy en ocho",
        14: "de hoy en quince, hoy en quince",
    },
    Kind.WEEKDAY: {
        0: "lunes, lun, luns, lunez",
        1: "martes, marte, martez",
        2: "miércoles, mié, mierc, mircoles, mierkoles, mierocles, miercole",
        3: "jueves, jue, juevez, juebes, jueve",
        4: "viernes, vie, vierns, viernez, bienes, biernes, vierne",
        5: "sábado, sáb, savado, sabdo, sábados",
        6: "domingo, dom, domngo, domigo",
    },
    Kind.SHORT_WEEKDAY: {
        1: "mar",
    },
    Kind.MONTH: {
        1: "enero, ene",
        2: "febrero, feb, febreo, febrer",
        3: "marzo, marso",
        4: "abril, abr",
        5: "mayo",
        6: "junio, jun",
        7: "julio, jul",
        8: "agosto, ago",
        9: "septiembre, setiembre, sept, sep, septimbre",
        10: "octubre, oct",
        11: "noviembre, nov, novimbre",
        12: "diciembre, dic, dicimbre",
    },
    Kind.WEEK: {
        0: "esta semana, esta misma semana",
        1: "la semana que viene, semana que viene, la próxima semana, próxima semana, la semana próxima, "
        "semana próxima, la semana siguiente, la siguiente semana, siguiente semana, la semana entrante, "
        "la otra semana, la semana q viene",
        2: "la semana que viene no la otra, dentro de dos semanas",
    },
    Kind.WEEKEND: {
        0: "el fin de semana, fin de semana, este fin de semana, el finde, este finde, finde",
        1: "el próximo fin de semana",
    },
    Kind.IN_MONTH: {
        0: "este mes, el mes en curso",
        1: "el mes que viene, mes que viene, el próximo mes, próximo mes, el mes próximo, el mes siguiente, el mes entrante",
    },
    Kind.NEXT: {
        1: "que viene, q viene, próximo, próxima, siguiente, entrante, que entra",
    },
    Kind.THIS: {
        0: "este, esta, mismo, este mismo",
    },
    Kind.CLOCK: {
        12: "mediodía, medio día, al mediodía, a mediodía, al medio día, del mediodía, a medio día, "
        "las doce del mediodía, las 12 del mediodía",
        MIDNIGHT: "medianoche, media noche, a medianoche, a la medianoche, a media noche",
    },
    Kind.AT: {
        0: "a las, alas, a eso de las, como a las, sobre las, tipo, tipo las, hacia las, cerca de las, "
        "después de las, antes de las, a partir de las, alrededor de las, por ahí de las, a las meras, "
        "ahí de las, como las, pasadas las, a ls",
        1: "las",
        4: "la",
        3: "a la, a eso de la, como a la, sobre la, hacia la, antes de la, después de la",
    },
    Kind.TO_AT: {
        0: "para las",
        3: "para la",
    },
    Kind.OCLOCK: {
        0: "h, hrs, hs, hr, en punto, en punto de la, horas en punto",
    },
    Kind.HALF: {
        0: "am, a m",
        12: "pm, p m",
    },
    Kind.PART: {
        Daypart.EARLY: "a primera hora, primera hora, a primera hora de la mañana, tempranito, bien temprano, muy temprano, "
        "temprano por la mañana, temprano en la mañana",
        Daypart.DAWN: "de la madrugada, por la madrugada, en la madrugada",
        Daypart.MORNING: "la mañana del, la mañana de, por la mañana, en la mañana, de la mañana, a la mañana, por las mañanas, "
        "esa mañana, x la mañana, a media mañana",
        Daypart.AFTERNOON: "la tarde del, la tarde de, por la tarde, en la tarde, de la tarde, a la tarde, por las tardes, "
        "esa tarde, x la tarde, por la tardecita, a media tarde, del dia, después de comer, después de mediodía",
        Daypart.NIGHT: "la noche del, la noche de, por la noche, en la noche, de la noche, a la noche, por las noches, "
        "esa noche, x la noche",
        Daypart.LATE: "a última hora, última hora, a última hora de la tarde, al final del día",
    },
    Kind.WEAK_PART: {
        Daypart.EARLY: "temprano",
        Daypart.AFTERNOON: "tarde, tardecita",
        Daypart.NIGHT: "noche",
        Daypart.DAWN: "madrugada",
    },
    Kind.MINUTES: {
        30: "media",
        15: "cuarto, un cuarto",
    },
    Kind.LESS: {
        0: "menos",
    },
    Kind.UNIT: {
        1: "minuto, minutos, min, mins, minutitos, minutito",
        60: "hora, horas, horita, horitas",
    },
    Kind.DAYS: {
        1: "día, días",
        7: "semana, semanas",
    },
    Kind.MONTHS: {
        1: "mes, meses",
    },
    Kind.IN: {
        0: "en, dentro de, de aquí a, de aquí en, en unas, en unos, como en, en como",
    },
    Kind.LATER: {
        0: "a partir de ahora, desde ahora",
    },
    Kind.SHIFT: {
        1: "más tarde, después, más",
        -1: "antes, más temprano",
    },
    Kind.BETWEEN: {
        0: "entre",
        1: "entre las, entre la, de entre las",
    },
    Kind.FROM: {
        0: "desde",
        1: "desde las, de las",
    },
    Kind.AND: {
        0: "y, e, con",
    },
    Kind.OR: {
        0: "o, u, o bien",
    },
    Kind.UNTIL: {
        0: "a, hasta, hasta las, hasta la, -",
    },
    Kind.OF: {
        0: "de, del",
    },
    Kind.THE: {
        1: "el, el día, día, para el, al",
    },
    Kind.INSTEAD: {
        0: "no, mejor, perdón, perdona, digo, quiero decir, más bien, en realidad, sino, ni, corrijo, cambio",
    },
    Kind.REFUSED: {
        1: "no puedo, no podré, no podría, no me va, no me viene",
        0: "excepto, menos el, no será, que no sea",
    },
    Kind.NOW: {
        0: "ahora, ahora mismo, ahorita, ahorita mismo, ya, ya mismo, lo antes posible, cuanto antes, "
        "en este momento, inmediatamente",
    },
    Kind.FILLER: {
        0: "por favor, porfavor, porfa, gracias, por, pues, si, entonces, que sea, sería, me va bien, "
        "me viene bien, está bien, estaría bien, si se puede, si puede ser, si es posible, puede ser, bueno, ok, "
        "vale, oye, los, lo, unos, unas, más o menos, aprox, aproximadamente, exactamente, hora, hora local, "
        "hora de méxico, buenos días, buenas tardes, buenas noches, hola",
    },
    Kind.NOUN: {
        0: "ticket, tickets, persona, personas, peso, pesos, euro, euros, dólar, dólares, centavos, céntimos, kilo, "
        "kilos, kg, metros, km, megas, gigas, piezas, artículos, cajas, paquetes, pedidos, facturas, veces, "
        "años, año, estrellas, bastos, puntos, calle, piso, número, tallas, talla, opción, opciones, líneas, "
        "por ciento, mil, millones, hijos, tarjetas, cuotas, entradas, boletos",
    },
}

PHRASES: dict[str, tuple[Atom, ...]] = {
    **{f"{day} pasado": (Atom(Kind.LAST), Atom(Kind.WEEKDAY, n)) for n, day in enumerate(_WEEK)},
    "o pasado": (Atom(Kind.OR), Atom(Kind.DAY, 2)),
    "mejor pasado mañana": (Atom(Kind.INSTEAD), Atom(Kind.DAY, 2)),
    "o pasado mañana": (Atom(Kind.OR), Atom(Kind.DAY, 2)),
    "mejor pasado": (Atom(Kind.INSTEAD), Atom(Kind.DAY, 2)),
    "hoy en día": (Atom(Kind.OTHER),),
    "a día de hoy": (Atom(Kind.OTHER),),
    "semana pasada": (Atom(Kind.OTHER),),
    "mes pasado": (Atom(Kind.OTHER),),
    "año pasado": (Atom(Kind.OTHER),),
    "esta mañana": (Atom(Kind.DAY, 0), Atom(Kind.PART, Daypart.MORNING)),
    "esta tarde": (Atom(Kind.DAY, 0), Atom(Kind.PART, Daypart.AFTERNOON)),
    "esta tardecita": (Atom(Kind.DAY, 0), Atom(Kind.PART, Daypart.AFTERNOON)),
    "esta noche": (Atom(Kind.DAY, 0), Atom(Kind.PART, Daypart.NIGHT)),
    "esta madrugada": (Atom(Kind.DAY, 1), Atom(Kind.PART, Daypart.DAWN)),
    "pasado mañana temprano": (Atom(Kind.DAY, 2), Atom(Kind.PART, Daypart.EARLY)),
    "anoche": (Atom(Kind.DAY, -1), Atom(Kind.PART, Daypart.NIGHT)),
    "media hora": (Atom(Kind.NUMBER, 30), Atom(Kind.UNIT, 1)),
    "un cuarto de hora": (Atom(Kind.NUMBER, 15), Atom(Kind.UNIT, 1)),
    "cuarto de hora": (Atom(Kind.NUMBER, 15), Atom(Kind.UNIT, 1)),
    "tres cuartos de hora": (Atom(Kind.NUMBER, 45), Atom(Kind.UNIT, 1)),
    "un par de": (Atom(Kind.NUMBER, 2),),
    "en ocho días": (Atom(Kind.DAY, 7),),
    "una semana": (Atom(Kind.NUMBER, 1), Atom(Kind.DAYS, 7)),
    "12 del mediodía": (Atom(Kind.CLOCK, 12),),
}
