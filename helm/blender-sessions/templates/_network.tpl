{{/* Names of the namespaces that the operator serves, as a JSON list; empty: all. */}}
{{- define "blender-sessions.servedNamespaces" -}}
{{- $operator := .Values.operator -}}
{{- if and $operator.clusterWide $operator.namespaces -}}
{{- fail "operator.clusterWide serves all namespaces: set it to false, or leave operator.namespaces empty" -}}
{{- end -}}
{{- $served := $operator.namespaces -}}
{{- if $operator.clusterWide -}}
{{- $served = list -}}
{{- else if or .Values.portal.enabled (empty $served) -}}
{{- $served = append $served .Values.sessionNamespace | uniq -}}
{{- end -}}
{{- toJson $served -}}
{{- end -}}

{{/* Networks that the URL of a scene may lead to, with commas. The operator refuses these and the few that no pattern finds. */}}
{{- define "blender-sessions.fetchNetworks" -}}
{{- $never := list
  "^(0|127)\\.[^/]*/([89]|[1-3][0-9])$"
  "^169\\.254\\.[^/]*/(1[6-9]|[23][0-9])$"
  "^2(2[4-9]|3[0-9])\\.[^/]*/([4-9]|[1-3][0-9])$"
  "^(100\\.100\\.100\\.200|168\\.63\\.129\\.16|192\\.0\\.0\\.192|255\\.255\\.255\\.255)/32$"
  "(?i)^(::1?/128|(fe[89ab][0-9a-f]|ff[0-9a-f]{2}|fd00:ec2|64:ff9b:1|fd00:c1::a9fe:a9fe|fd20:ce::254)[:/].*)$" -}}
{{- range $network := .Values.desktops.fetch.allowedNetworks -}}
{{- range $never -}}
{{- if regexMatch . $network -}}
{{- fail (printf "desktops.fetch.allowedNetworks: %s is never open, for it is loopback, link-local, multicast, or a cloud's metadata service: take it out" $network) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- join "," .Values.desktops.fetch.allowedNetworks -}}
{{- end -}}

{{/* Peers of network policies, as a JSON list: pods of this release. Call with (list $ "operator" "portal"). */}}
{{- define "blender-sessions.podPeers" -}}
{{- $root := first . -}}
{{- $peers := list -}}
{{- range rest . -}}
{{- $labels := include "blender-sessions.selector" (list $root .) | fromYaml -}}
{{- $peers = append $peers (dict "podSelector" (dict "matchLabels" $labels)) -}}
{{- end -}}
{{- toJson $peers -}}
{{- end -}}

{{/* The same, seen from another namespace. */}}
{{- define "blender-sessions.podPeersFromElsewhere" -}}
{{- $namespace := dict "matchLabels" (dict "kubernetes.io/metadata.name" (first .).Release.Namespace) -}}
{{- $peers := list -}}
{{- range include "blender-sessions.podPeers" . | fromJsonArray -}}
{{- $peers = append $peers (set . "namespaceSelector" $namespace) -}}
{{- end -}}
{{- toJson $peers -}}
{{- end -}}

{{/* The peer of all desktops that the operator serves, as JSON. */}}
{{- define "blender-sessions.desktopPeers" -}}
{{- $namespaces := dict -}}
{{- with include "blender-sessions.servedNamespaces" . | fromJsonArray -}}
{{- $expression := dict "key" "kubernetes.io/metadata.name" "operator" "In" "values" . -}}
{{- $namespaces = dict "matchExpressions" (list $expression) -}}
{{- end -}}
{{- $pods := dict "matchLabels" (dict "app.kubernetes.io/name" "blender-desktop") -}}
{{- toJson (list (dict "namespaceSelector" $namespaces "podSelector" $pods)) -}}
{{- end -}}

{{/* The peer of the desktops in the portal's namespace, as JSON. */}}
{{- define "blender-sessions.portalDesktopPeers" -}}
{{- $namespace := dict "matchLabels" (dict "kubernetes.io/metadata.name" .Values.sessionNamespace) -}}
{{- $pods := dict "matchLabels" (dict "app.kubernetes.io/name" "blender-desktop") -}}
{{- toJson (list (dict "namespaceSelector" $namespace "podSelector" $pods)) -}}
{{- end -}}

{{/* One rule, as JSON. Call with (list "from" PEERS PORTS), or "to". Without peers it holds for all, without ports for every port. */}}
{{- define "blender-sessions.rule" -}}
{{- $rule := dict -}}
{{- with index . 1 -}}
{{- $rule = set $rule (index $ 0) . -}}
{{- end -}}
{{- $ports := list -}}
{{- range index . 2 -}}
{{- $ports = append $ports (dict "protocol" "TCP" "port" .) -}}
{{- end -}}
{{- with $ports -}}
{{- $rule = set $rule "ports" . -}}
{{- end -}}
{{- toJson $rule -}}
{{- end -}}

{{/* Whom the policies of desktops name: the operator's setting NETWORK_PEERS, as JSON. */}}
{{- define "blender-sessions.networkPeers" -}}
{{- $policies := .Values.networkPolicies -}}
{{- $vnc := $policies.external.vncFrom -}}
{{- if ne .Values.guacamole.mode "external" -}}
{{- $vnc = include "blender-sessions.podPeersFromElsewhere" (list . "guacd") | fromJsonArray -}}
{{- end -}}
{{- $agent := dict "agentFrom" (include "blender-sessions.podPeersFromElsewhere" (list . "operator") | fromJsonArray) -}}
{{- if .Values.portal.enabled -}}
{{- $portal := include "blender-sessions.podPeersFromElsewhere" (list . "portal") | fromJsonArray -}}
{{- $agent = merge $agent (dict "portalFrom" $portal "portalNamespace" .Values.sessionNamespace) -}}
{{- end -}}
{{- $dns := dict "dnsTo" $policies.dns.to "dnsPorts" $policies.dns.ports -}}
{{- toJson (merge (dict "vncFrom" $vnc "closedNetworks" $policies.closedNetworks) $agent $dns) -}}
{{- end -}}
