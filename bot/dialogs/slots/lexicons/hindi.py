"""Hindi in both scripts, as it is written in chats in India, where English words stand beside it. Commas separate phrases."""

from __future__ import annotations

from bot.dialogs.slots.atoms import MIDNIGHT, Atom, Daypart, Kind

NUMBERS = {
    0: "शून्य, ज़ीरो, shunya, zero",
    1: "एक, ek, aek",
    2: "दो, do",
    3: "तीन, teen, tin",
    4: "चार, char, chaar, chár",
    5: "पाँच, पाच, paanch, panch, paach, pach",
    6: "छह, छः, छ, छे, छै, chhe, che, chhah, chah, cheh, chheh, chha",
    7: "सात, saat, sat",
    8: "आठ, aath, ath, aat",
    9: "नौ, nau, nao, nou",
    10: "दस, das, dus",
    11: "ग्यारह, gyarah, gyara, gyaarah, giyarah, gyaraah",
    12: "बारह, barah, bara, baarah, baara",
    13: "तेरह, terah, teraah",
    14: "चौदह, chaudah, chauda, choda, chodah",
    15: "पंद्रह, पन्द्रह, pandrah, pandra, pandhra",
    16: "सोलह, solah, sola, solaah",
    17: "सत्रह, सतरह, satrah, satra, satrha",
    18: "अठारह, अट्ठारह, atharah, athara, attharah",
    19: "उन्नीस, unnis, unnees, unees",
    20: "बीस, bees, bis",
    21: "इक्कीस, ikkis, ikkees",
    22: "बाईस, बाइस, bais, baais, baees",
    23: "तेईस, तेइस, teis, teyis, tevis",
    24: "चौबीस, chaubis, chaubees, chobis",
    25: "पच्चीस, pachis, pachees, pachchis, pacchis",
    26: "छब्बीस, chabbis, chhabbis, chabis",
    27: "सत्ताईस, सत्ताइस, sattais, sataais",
    28: "अट्ठाईस, अठ्ठाईस, अठाईस, अट्ठाइस, atthais, athais",
    29: "उनतीस, उन्तीस, untis, unatis, unattis",
    30: "तीस, tees, tis",
    31: "इकतीस, इकत्तीस, ikattis, iktis, ikatis",
    32: "बत्तीस, battis, batis",
    33: "तैंतीस, तेंतीस, taintis, tentis, taitis",
    34: "चौंतीस, चौतीस, chauntis, chautis",
    35: "पैंतीस, paintis, paitis, pentis",
    36: "छत्तीस, chattis, chhattis",
    37: "सैंतीस, saintis, saitis",
    38: "अड़तीस, adtis, artis, adhtis",
    39: "उनतालीस, उन्तालीस, untalis, unatalis",
    40: "चालीस, chalis, chalees, chaalis",
    41: "इकतालीस, iktalis, ikatalis",
    42: "बयालीस, बियालीस, bayalis, byalis",
    43: "तैंतालीस, तेतालीस, taintalis, tetalis",
    44: "चौवालीस, चवालीस, चौंवालीस, chauvalis, chavalis, chauwalis",
    45: "पैंतालीस, पैतालीस, paintalis, paitalis, pentalis",
    46: "छियालीस, छयालीस, chhiyalis, chiyalis",
    47: "सैंतालीस, saintalis, saitalis",
    48: "अड़तालीस, adtalis, artalis",
    49: "उनचास, उन्चास, unchas, unanchas",
    50: "पचास, pachas, pachaas",
    51: "इक्यावन, ikyavan, ikyawan",
    52: "बावन, bavan, bawan",
    53: "तिरपन, तिरेपन, tirpan, tirepan",
    54: "चौवन, चव्वन, chauvan, chauwan",
    55: "पचपन, pachpan",
    56: "छप्पन, chappan, chhappan",
    57: "सत्तावन, sattavan, sattawan",
    58: "अट्ठावन, अठावन, atthavan, athavan, atthawan",
    59: "उनसठ, unsath",
    60: "साठ, saath",
    100: "सौ, sau",
}

ORDINALS = {
    1: "पहला, पहली, पहले वाला, पहले वाली, pehla, pehli, pahla, pahli, pehle wala, pehle wali",
    2: "दूसरा, दूसरी, दूसरे, doosra, dusra, doosri, dusri, doosre, dusre",
    3: "तीसरा, तीसरी, तीसरे, teesra, tisra, teesri, tisri, teesre, tisre",
    4: "चौथा, चौथी, चौथे, chautha, chauthi, chautee, chouthi, choutha",
    5: "पाँचवाँ, पाँचवां, पाँचवीं, पाँचवे, paanchva, panchva, paanchwa, panchwa, paanchvi, panchvi, paanchwi, paanchwan",
    6: "छठा, छठी, छठवाँ, chhatha, chatha, chhathi, chhatwa",
    7: "सातवाँ, सातवीं, saatva, saatwa, saatvi, satwa",
    8: "आठवाँ, आठवीं, aathva, aathwa, aathvi",
    9: "नौवाँ, नौवीं, nauva, nauwa, nauvi",
    10: "दसवाँ, दसवीं, dasva, daswa, dasvi",
}

WORDS: dict[Kind, dict[int, str]] = {
    Kind.DAY: {
        0: "आज, aaj, aj, aaj hi, आज ही, aaaj",
        1: "कल, kal, kall, कल ही, kl",
        2: "परसों, परसो, parson, parso, parsoon, parsu, narso parson",
        3: "नरसों, तरसों, narson, tarson, narso, tarso",
        -1: "बीता कल, बीते कल, beeta kal, beete kal",
    },
    Kind.WEEKDAY: {
        0: "सोमवार, सोम, मंडे, somvar, somwar, somvaar, somwaar, mandey",
        1: "मंगलवार, मंगल, ट्यूज़डे, mangalvar, mangalwar, mangalvaar, mangal, mangalwaar",
        2: "बुधवार, बुध, वेडनेसडे, वेडनसडे, budhvar, budhwar, budhvaar, budhwaar, budh",
        3: "गुरुवार, गुरूवार, बृहस्पतिवार, वीरवार, थर्सडे, guruvar, guruwar, guruvaar, guruwaar, brihaspativar, veervar, virvar",
        4: "शुक्रवार, शुक्र, फ्राइडे, shukravar, shukrawar, shukrvar, shukrwar, shukravaar, shukrawaar, sukravar",
        5: "शनिवार, शनिचर, सैटरडे, shanivar, shaniwar, shanivaar, shaniwaar, sanivar, shani",
        6: "रविवार, इतवार, संडे, ravivar, raviwar, ravivaar, raviwaar, itvar, itwar, itwaar, itvaar",
    },
    Kind.MONTH: {
        1: "जनवरी, janvari, janwari, janavari",
        2: "फरवरी, फ़रवरी, farvari, farwari, pharvari",
        3: "मार्च, maarch",
        4: "अप्रैल, aprail, aprel",
        5: "मई, mai, mayi",
        6: "जून, joon, jun",
        7: "जुलाई, julai, julaai",
        8: "अगस्त, agast, agasth",
        9: "सितंबर, सितम्बर, sitambar, sitamber",
        10: "अक्टूबर, अक्तूबर, aktubar, aktoobar, aktuber",
        11: "नवंबर, नवम्बर, navambar, navamber",
        12: "दिसंबर, दिसम्बर, disambar, disamber, dicember",
    },
    Kind.WEEK: {
        0: "इस हफ्ते, इस सप्ताह, is hafte, iss hafte, is week, iss week, isi hafte",
        1: "अगले हफ्ते, अगले सप्ताह, अगला हफ्ता, agle hafte, agla hafta, agle week, agle saptah, next hafte, aane wale hafte, अगले वीक",
    },
    Kind.WEEKEND: {
        0: "वीकेंड, weekend, is weekend, iss weekend, weekend ko",
        1: "अगले वीकेंड, agle weekend",
    },
    Kind.IN_MONTH: {
        0: "इस महीने, is mahine, iss mahine",
        1: "अगले महीने, अगले माह, agle mahine, agle month, agle maah, next mahine",
    },
    Kind.LAST: {
        0: "पिछले, पिछली, pichle, pichhle, pichli, pichla, beete, बीते",
    },
    Kind.NEXT: {
        1: "अगले, अगला, अगली, आने वाले, आने वाला, agle, agla, agli, aane wale, aane wala, aanewale",
    },
    Kind.THIS: {
        0: "इस, इसी, is, iss, isi",
    },
    Kind.CLOCK: {
        12: "दोपहर बारह बजे, dopahar barah baje, dopahar 12 baje, दोपहर 12 बजे",
        MIDNIGHT: "आधी रात, आधी रात को, मध्यरात्रि, aadhi raat, aadhi raat ko, adhi raat",
    },
    Kind.AT: {
        0: "करीब, लगभग, kareeb, karib, lagbhag, taqriban, time",
    },
    Kind.OCLOCK: {
        0: "बजे, बजें, baje, bje, bajay, baj, bajey, bajje, बज, bajee, बजे के बाद, बजे से पहले, baje ke baad, "
        "baje se pehle, baje se pahle",
    },
    Kind.PART: {
        Daypart.EARLY: "सुबह सुबह, सुबह जल्दी, सुबह सवेरे, subah subah, subah jaldi, subah sawere, subah savere, jaldi subah, "
        "सबसे पहले सुबह, सवेरे सवेरे",
        Daypart.DAWN: "भोर, भोर में, तड़के, bhor, tadke, bhor mein",
        Daypart.MORNING: "सुबह, सुबह को, सुबह में, सवेरे, सुबह के, subah, subha, subeh, suba, subah ko, subah ke, subah mein, "
        "subah me, savere, sawere, sabere, सुबह के समय, morning mein, morning me, morning ko",
        Daypart.NOON: "दोपहर, दोपहर को, दोपहर में, दोपहर के, dopahar, dopeher, dopehar, dophar, dopahar ko, dopahar mein, "
        "dopahar me, dopahar ke, दोपहर बाद, dopahar baad, dopahar ke baad, दोपहर के बाद, lunch ke baad, "
        "afternoon mein, afternoon me, duphar, dupahar, dopahr",
        Daypart.EVENING: "शाम, शाम को, शाम में, शाम के, सायं, shaam, sham, shyam, saam, shaam ko, sham ko, shaam ke, sham ke, "
        "shaam mein, shaam me, शाम के समय, shaam ke time, evening mein, evening me, evening ko, शाम के वक्त, "
        "shaam k",
        Daypart.NIGHT: "रात, रात को, रात में, रात के, raat, rat, raat ko, raat mein, raat me, raat ke, rat ko, रात्रि, "
        "night mein, night ko",
    },
    Kind.MINUTES: {
        30: "आधा, aadha, adha",
    },
    Kind.FRACTION: {
        15: "सवा, sava, sawa, savaa, sabha",
        30: "साढ़े, साढे, साड़े, saade, sadhe, saadhe, sade, sarhe, saadhey",
        -15: "पौने, पौन, paune, pone, paunay, pauney",
    },
    Kind.BAJKE: {
        0: "बजकर, बज कर, बजके, बज के, bajkar, baj kar, bajke, baj ke, baj k",
    },
    Kind.BAJNE: {
        0: "बजने में, बजने मे, bajne mein, bajne me, bajne main, bajne se",
    },
    Kind.UNIT: {
        1: "मिनट, मिनिट, minat, minit, minute, minutes, min",
        60: "घंटे, घंटा, घंटों, घण्टे, घण्टा, ghante, ghanta, ghanton, gante, ghnte, ghantey, hour, hours",
    },
    Kind.DAYS: {
        1: "दिन, दिनों, din, dino, dinon",
        7: "हफ्ते, हफ्ता, हफ्तों, सप्ताह, hafte, hafta, hafton, haftey, saptah",
    },
    Kind.MONTHS: {
        1: "महीने, महीना, महीनों, mahine, mahina, mahino",
    },
    Kind.LATER: {
        0: "बाद, के बाद, में, मे, के अंदर, के भीतर, baad, bad, ke baad, mein, me, main, ke andar, ke bhitar, "
        "bad me, baad mein, ke bad, बाद में",
    },
    Kind.SHIFT: {
        1: "और बाद, aur baad, later",
        -1: "पहले, से पहले, pehle, pahle, se pehle",
    },
    Kind.BETWEEN: {
        0: "between",
    },
    Kind.AND: {
        0: "और, एवं, aur, or, evam, n",
    },
    Kind.OR: {
        0: "या, ya, yaa",
    },
    Kind.UNTIL: {
        0: "से, se, -, to",
        1: "बजे से, baje se, bje se",
    },
    Kind.CLOSES_SPAN: {
        0: "के बीच, के बीच में, के बीच मे, ke beech, ke bich, ke beech mein, ke beech me, ke bich me, ke bich mein, "
        "तक, tak, बजे के बीच, बजे के बीच में, baje ke beech, baje ke bich, baje ke beech mein, baje ke beech me, "
        "baje ke bich me",
        1: "बजे तक, baje tak, bje tak",
    },
    Kind.OF: {
        0: "का, के, की, ka, ki",
    },
    Kind.DATE_WORD: {
        0: "तारीख, तारीख़, तारिख, tareekh, tarikh, tareek, tarik, taareekh, date",
    },
    Kind.INSTEAD: {
        0: "नहीं, नही, ना, बल्कि, माफ़ कीजिए, nahi, nahin, nai, nhi, na, balki, sorry, bajay, mat, ke bajay, की जगह, ki jagah, no",
    },
    Kind.REFUSED: {
        1: "नहीं हो पाएगा, नहीं हो पायेगा, नहीं होगा, नहीं चलेगा, nahi ho payega, nahi ho paega, nahi hoga, "
        "nahi chalega, busy hoon, busy hu",
        0: "छोड़कर, chhodkar, chodkar",
    },
    Kind.NOW: {
        0: "अभी, अभी के अभी, तुरंत, फ़ौरन, abhi, abhi ke abhi, turant, fauran, jaldi se jaldi, जल्दी से जल्दी",
    },
    Kind.FILLER: {
        0: "को, पर, तो, जी, ही, कृपया, प्लीज़, धन्यवाद, ठीक है, ठीक रहेगा, चलेगा, हाँ, ko, par, pe, pr, toh, ji, "
        "hi, kripya, please, theek hai, thik hai, theek rahega, thik rahega, chalega, haan, ha, ka time, "
        "ke aaspaas, ke aas paas, के आसपास, के आस पास, के करीब, ke kareeb, ke karib, namaste, namaskar, नमस्ते, "
        "नमस्कार, शुभ रात्रि, शुभ प्रभात, shubh ratri, shubh prabhat, वाले, wale, ke, k, आप, aap",
    },
    Kind.NOUN: {
        0: "टिकट, टिकटें, लोग, लोगों, रुपये, रुपए, रूपये, रुपया, किलो, साल, बार, स्टार, तारे, नंबर, rupaye, rupay, "
        "rupees, rupaiye, rs, log, logon, kilo, saal, baar, star, taare, number, tickets, ticket, pack, packet, "
        "hazaar, hazar, हज़ार, lakh, लाख, percent, प्रतिशत, bachche, bacche, बच्चे, dost, दोस्त, bill, order, "
        "ऑर्डर, प्रश्न",
    },
}

PHRASES: dict[str, tuple[Atom, ...]] = {
    "डेढ़ बजे": (Atom(Kind.CLOCK, 1, 30, third=1),),
    "dedh baje": (Atom(Kind.CLOCK, 1, 30, third=1),),
    "deadh baje": (Atom(Kind.CLOCK, 1, 30, third=1),),
    "ढाई बजे": (Atom(Kind.CLOCK, 2, 30, third=1),),
    "dhai baje": (Atom(Kind.CLOCK, 2, 30, third=1),),
    "dhaai baje": (Atom(Kind.CLOCK, 2, 30, third=1),),
    "सवा बजे": (Atom(Kind.CLOCK, 1, 15, third=1),),
    "sava baje": (Atom(Kind.CLOCK, 1, 15, third=1),),
    "पौन बजे": (Atom(Kind.CLOCK, 12, 45, third=1),),
    "paun baje": (Atom(Kind.CLOCK, 12, 45, third=1),),
    "डेढ़ घंटे": (Atom(Kind.NUMBER, 90), Atom(Kind.UNIT, 1)),
    "dedh ghante": (Atom(Kind.NUMBER, 90), Atom(Kind.UNIT, 1)),
    "ढाई घंटे": (Atom(Kind.NUMBER, 150), Atom(Kind.UNIT, 1)),
    "dhai ghante": (Atom(Kind.NUMBER, 150), Atom(Kind.UNIT, 1)),
    "सवा घंटे": (Atom(Kind.NUMBER, 75), Atom(Kind.UNIT, 1)),
    "sava ghante": (Atom(Kind.NUMBER, 75), Atom(Kind.UNIT, 1)),
    "पौने घंटे": (Atom(Kind.NUMBER, 45), Atom(Kind.UNIT, 1)),
    "paune ghante": (Atom(Kind.NUMBER, 45), Atom(Kind.UNIT, 1)),
    "आधे घंटे": (Atom(Kind.NUMBER, 30), Atom(Kind.UNIT, 1)),
    "आधा घंटा": (Atom(Kind.NUMBER, 30), Atom(Kind.UNIT, 1)),
    "aadhe ghante": (Atom(Kind.NUMBER, 30), Atom(Kind.UNIT, 1)),
    "aadha ghanta": (Atom(Kind.NUMBER, 30), Atom(Kind.UNIT, 1)),
    "adhe ghante": (Atom(Kind.NUMBER, 30), Atom(Kind.UNIT, 1)),
    "aadhe hour": (Atom(Kind.NUMBER, 30), Atom(Kind.UNIT, 1)),
}
