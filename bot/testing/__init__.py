"""The kit for tests, shipped to users.

| module | gives |
|---|---|
| `plugin` | for pytest: the fixture `scene`, conversations in YAML, a kind for every test module |
| `scene`, `conversations` | conversations as tests, in Python or as data, on the real engine and store |
| `given` | records that a conversation in YAML begins with |
| `clock` | `ManualClock`, which moves only when told |
| `llm` | `ScriptedModel`: fails when it is asked for too much or too little |
| `openai` | `FakeOpenAI`: a model's server over HTTP, with faults |
| `whatsapp` | `FakeWhatsApp`: Meta's both sides over HTTP, with faults |
| `channel`, `mail` | `RecordingChannel`, `RecordingMailer`: keep what they are given to say and to send |
| `web` | users with a password, and their browsers: signed in over real HTTP |
| `contracts`, `channel_contract`, `model_contract` | suites for stores, channels and models of your own |
| `processes`, `deployment` | the program as processes that can be killed: one, or webs and workers on one MongoDB and Redis |
| `redis`, `secantus`, `fixtures` | a redis-server and a MongoDB (SecantusDB) as processes; as fixtures for pytest |
| `chaos`, `shared_chaos` | the proof that nothing is lost: kills of one process; everything that can happen to many |
| `crowd`, `operators`, `faults`, `recovery`, `audit` | its parts: who writes, who takes over, what is done, what came of it |
"""
