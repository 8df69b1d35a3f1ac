# Vivado and Vitis HLS as far as a script can tell: their commands by name, with the options that
# they have, on objects that exist. What they do not know is refused, all else is recorded.
#
#   tclsh vivado_shim.tcl vivado|hls SCRIPT
#
# Environment: SHIM_RECORD is a file that gets each call: its words with
# the control character US (31) between them and RS (30) behind. Trouble: SHIM_NO_BOARD=1,
# SHIM_STATUS and SHIM_PROGRESS of the run, SHIM_WNS in ns, SHIM_NO_IP=1.
#
# SHIM_MORE is a Tcl file that declares what is missing here, before SCRIPT runs:
#
#   command write_xsa {-force} {-file} 0 0 {}    options alone and with a value, least, most, body
#   set versions(axi_gpio) 2.0
#   set known(axi_gpio) {interfaces {S_AXI aximm 0} pins {s_axi_aclk clk 0 s_axi_aresetn rst 0}
#       parameters {C_GPIO_WIDTH} spaces {} segments {S_AXI/Reg} automation {}}
#
# Command names and options: AMD's UG835 and UG1399; pins and parameters: PG021 (AXI DMA), PG082,
# PG201 (processing systems), PG247 (SmartConnect), PG164 (Processor System Reset).

lassign $argv tool script

proc setting {name default} {
    return [expr {[info exists ::env($name)] ? $::env($name) : $default}]
}

set recording [open [setting SHIM_RECORD /dev/null] a]

proc refuse {message} {
    puts "ERROR: \[shim\] $message"
    exit 2
}

# A command: options that stand alone, options with a value, the least and the most of other words.
# Calls its body with `o`, an array of the options, and `words`.
proc command {name flags valued least most body} {
    proc $name args "
        array set o \[parse $name [list $flags] [list $valued] $least $most \$args words\]
        $body
    "
}

proc parse {name flags valued least most arguments wordsName} {
    upvar $wordsName words
    puts -nonewline $::recording "[join [concat [list $name] $arguments] \x1f]\x1e"
    flush $::recording
    set words {}
    set options {}
    for {set i 0} {$i < [llength $arguments]} {incr i} {
        set word [lindex $arguments $i]
        if {$word in $flags} {
            lappend options $word 1
        } elseif {$word in $valued} {
            if {[incr i] >= [llength $arguments]} { refuse "$name: $word needs a value" }
            lappend options $word [lindex $arguments $i]
        } elseif {[string match {-[a-z]*} $word]} {
            refuse "$name has no option $word"
        } else {
            lappend words $word
        }
    }
    if {[llength $words] < $least || [llength $words] > $most} {
        refuse "$name takes $least to $most words, not [llength $words]: $words"
    }
    return $options
}

# The value of an option of the command at work, or what it is without.
proc given {option default} {
    upvar o o
    return [expr {[info exists o($option)] ? $o($option) : $default}]
}

proc need {what name} {
    if {![info exists ::state($what)]} { refuse "$name before $what" }
}

proc write_file {path text} {
    file mkdir [file dirname $path]
    set stream [open $path w]
    puts $stream $text
    close $stream
}

rename unknown tcl_unknown
proc unknown {name args} {
    if {[auto_load $name]} { return [uplevel 1 [list $name {*}$args]] }
    refuse "there is no command $name"
}

# --- Vitis HLS -----------------------------------------------------------------------------------

if {$tool eq "hls"} {
    command open_project {-reset} {} 1 1 { set ::state(project) $words; file mkdir $words }
    command set_top {} {} 1 1 { need project set_top; set ::state(top) $words }
    command add_files {-tb} {-cflags -csimflags -blackbox} 1 1 {
        need project add_files
        if {![file isfile [lindex $words 0]]} { refuse "there is no file $words" }
        foreach flag [given -cflags {}] {
            if {[regexp {^-I(.*)} $flag _ folder] && ![file isdirectory $folder]} {
                refuse "there is no folder $folder"
            }
        }
        lappend ::state(files) {*}$words
    }
    command open_solution {-reset} {-flow_target} 1 1 {
        need project open_solution
        if {[given -flow_target vivado] ni {vivado vitis}} { refuse "no flow $o(-flow_target)" }
        set ::state(solution) [file join $::state(project) $words]
    }
    command set_part {} {} 1 1 { need solution set_part; set ::state(part) $words }
    command create_clock {} {-period -name -uncertainty} 0 1 {
        need solution create_clock
        set ::state(clock) [given -period 10]
    }
    command csynth_design {} {} 0 0 {
        foreach what {top files part clock} { need $what csynth_design }
        set ::state(synthesis) 1
    }
    command export_design {} {-format -rtl -vendor -library -ipname -version -description \
        -display_name -taxonomy -output -flow} 0 0 {
        need synthesis export_design
        if {[given -format ip_catalog] ni {ip_catalog xo syn_dcp sysgen}} { refuse "no format $o(-format)" }
        if {[setting SHIM_NO_IP 0]} { return }
        write_file [file join $::state(solution) impl ip component.xml] "$::state(top) [streams]"
    }
    # The streams of the sources: HLS sees in the C++ which way they go, here the first letter of
    # the port says it, x for inputs.
    proc streams {} {
        set ports {}
        foreach file $::state(files) {
            set stream [open $file]
            foreach {_ port} [regexp -all -inline {#pragma HLS INTERFACE axis port=(\w+)} [read $stream]] {
                lappend ports $port axis [expr {![string match x* $port]}]
            }
            close $stream
        }
        return $ports
    }
    command csim_design {-clean -setup -O} {-argv -ldflags -mflags} 0 0 { need files csim_design }
    command config_compile {-unsafe_math_optimizations -no_signed_zeros} \
        {-name_max_length -pipeline_loops -pipeline_style} 0 0 { need solution config_compile }
    # Directives: what they are for, in the end, is a place in the C++, which only HLS knows.
    foreach {name flags valued places} {
        pipeline {-off -rewind} {-II -style} 1
        unroll {-skip_exit_check} {-factor} 1
        inline {-off -recursive} {} 1
        dataflow {-disable_start_propagation} {} 1
        array_partition {-off} {-dim -factor -type} 2
        interface {-register} {-mode -bundle -depth -offset -latency -name -register_mode} 2
    } {
        command set_directive_$name $flags $valued $places $places "need solution set_directive_$name"
    }
    if {[setting SHIM_MORE {}] ne {}} { source $::env(SHIM_MORE) }
    source $script
    refuse "$script does not exit: vitis_hls would wait for input"
}

# --- Vivado --------------------------------------------------------------------------------------

# Interfaces by IP: name, kind, and whether it drives; pins likewise, with required inputs.
array set known {
    processing_system7 {
        interfaces {M_AXI_GP0 aximm 1 S_AXI_HP0 aximm 0}
        pins {FCLK_CLK0 clk 1 FCLK_RESET0_N rst 1 M_AXI_GP0_ACLK clk 0 S_AXI_HP0_ACLK clk 0}
        parameters {PCW_USE_M_AXI_GP0 PCW_USE_S_AXI_HP0 PCW_S_AXI_HP0_DATA_WIDTH
            PCW_EN_CLK0_PORT PCW_EN_RST0_PORT PCW_FPGA0_PERIPHERAL_FREQMHZ}
        spaces {Data} segments {S_AXI_HP0/HP0_DDR_LOWOCM}
        automation {make_external apply_board_preset Master Slave}
    }
    zynq_ultra_ps_e {
        interfaces {M_AXI_HPM0_FPD aximm 1 S_AXI_HP0_FPD aximm 0}
        pins {pl_clk0 clk 1 pl_resetn0 rst 1 maxihpm0_fpd_aclk clk 0 saxihp0_fpd_aclk clk 0}
        parameters {PSU__USE__M_AXI_GP0 PSU__USE__M_AXI_GP1 PSU__USE__M_AXI_GP2
            PSU__USE__S_AXI_GP2 PSU__SAXIGP2__DATA_WIDTH PSU__FPGA_PL0_ENABLE
            PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ}
        spaces {Data} segments {SAXIGP2/HP0_DDR_LOW}
        automation {apply_board_preset}
    }
    axi_dma {
        interfaces {S_AXI_LITE aximm 0 M_AXI_MM2S aximm 1 M_AXI_S2MM aximm 1
            M_AXIS_MM2S axis 1 S_AXIS_S2MM axis 0}
        pins {s_axi_lite_aclk clk 0 m_axi_mm2s_aclk clk 0 m_axi_s2mm_aclk clk 0 axi_resetn rst 0}
        parameters {c_include_sg c_sg_length_width c_sg_include_stscntrl_strm c_addr_width
            c_include_mm2s c_include_s2mm c_m_axi_mm2s_data_width c_m_axis_mm2s_tdata_width
            c_m_axi_s2mm_data_width c_s_axis_s2mm_tdata_width c_mm2s_burst_size c_s2mm_burst_size
            c_include_mm2s_dre c_include_s2mm_dre}
        spaces {Data_MM2S Data_S2MM} segments {S_AXI_LITE/Reg} automation {}
    }
    smartconnect {
        interfaces {} pins {aclk clk 0 aresetn rst 0} parameters {NUM_SI NUM_MI NUM_CLKS}
        spaces {} segments {} automation {}
    }
    proc_sys_reset {
        interfaces {}
        pins {slowest_sync_clk clk 0 ext_reset_in rst 0 peripheral_aresetn rst 1}
        parameters {C_EXT_RST_WIDTH C_AUX_RST_WIDTH} spaces {} segments {} automation {}
    }
    hls {
        interfaces {s_axi_control aximm 0}
        pins {ap_clk clk 0 ap_rst_n rst 0} parameters {} spaces {}
        segments {s_axi_control/Reg} automation {}
    }
}
array set versions {processing_system7 5.5 zynq_ultra_ps_e 3.5 axi_dma 7.1 smartconnect 1.0
    proc_sys_reset 5.0}
array set interfaces {}
array set pins {}
array set cells {}
array set streams {}
set wired {}

command create_project {-force -part_only} {-part} 1 2 {
    set ::state(project) $words
    set ::state(part) [given -part {}]
    file mkdir [lindex $words 1]
}
command apply_board_connection {} {-board_interface -ip_intf -diagram} 0 0 {
    need design apply_board_connection
    if {![info exists ::interfaces($o(-ip_intf))]} {
        refuse "apply_board_connection: there is no $o(-ip_intf)"
    }
    lappend ::wired $o(-ip_intf)
}
command get_board_parts {-quiet -latest_file_version} {-filter} 0 1 {
    return [expr {[setting SHIM_NO_BOARD 0] ? {} : $words}]
}
command current_project {} {} 0 0 { need project current_project; return project }
command current_fileset {} {} 0 0 { need project current_fileset; return sources_1 }
command update_ip_catalog {-rebuild} {} 0 0 {
    if {[info exists ::state(ip_repo_paths)]} {
        foreach folder $::state(ip_repo_paths) {
            set description [file join $folder component.xml]
            if {![file exists $description]} { continue }
            set stream [open $description]
            set ports [lassign [read $stream] name]
            close $stream
            set ::versions($name) 1.0
            set ::streams($name) $ports
        }
    }
}
command create_bd_design {} {} 1 1 { need project create_bd_design; set ::state(design) $words }
command create_bd_cell {} {-type -vlnv} 1 1 {
    need design create_bd_cell
    lassign [split $o(-vlnv) :] vendor library ip version
    if {$vendor ne "xilinx.com" || ![info exists ::versions($ip)] || $::versions($ip) ne $version} {
        refuse "the IP catalogue has no $o(-vlnv)"
    }
    if {[info exists ::cells($words)]} { refuse "there are two cells $words" }
    set kind [expr {$library eq "hls" ? "hls" : $ip}]
    set ::cells($words) $kind
    set ports [expr {[info exists ::streams($ip)] ? $::streams($ip) : {}}]
    foreach {name type drives} [concat [dict get $::known($kind) interfaces] $ports] {
        set ::interfaces($words/$name) [list $type $drives]
    }
    foreach {name type drives} [dict get $::known($kind) pins] {
        set ::pins($words/$name) [list $type $drives]
    }
    return $words
}
command apply_bd_automation {} {-rule -config} 1 1 {
    set kind $::cells([lindex $words 0])
    if {$o(-rule) ne "xilinx.com:bd_rule:$kind"} { refuse "no rule $o(-rule) for $kind" }
    foreach key [dict keys $o(-config)] {
        if {$key ni [dict get $::known($kind) automation]} { refuse "the rule takes no $key" }
    }
}
foreach {name table} {get_bd_cells cells get_bd_pins pins get_bd_intf_pins interfaces} {
    command $name {-quiet} {} 1 1 "
        if {!\[info exists ::${table}(\$words)\]} { refuse \"$name: there is no \$words\" }
        return \$words
    "
}
# The address spaces or segments of a cell, without those of channels that a DMA was made without.
set without {}
proc addresses {cell key} {
    set found {}
    foreach name [dict get $::known($::cells($cell)) $key] {
        if {"$cell/$name" ni $::without} { lappend found $name }
    }
    return $found
}
foreach {name key} {get_bd_addr_spaces spaces get_bd_addr_segs segments} {
    command $name {-quiet} {} 1 1 "
        set path \[split \[lindex \$words 0\] /\]
        set cell \[lindex \$path 0\]
        if {!\[info exists ::cells(\$cell)\]} { refuse \"$name: there is no \$words\" }
        set rest \[join \[lrange \$path 1 end\] /\]
        if {\$rest ni \[addresses \$cell $key\]} {
            refuse \"$name: there is no \$words\"
        }
        return \$words
    "
}
command set_property {} {-dict} 1 3 {
    if {[info exists o(-dict)]} {
        set values $o(-dict)
        set object [lindex $words 0]
    } else {
        lassign $words name value object
        set values [list $name $value]
    }
    foreach {name value} $values { set_one $object $name $value }
}
proc set_one {object name value} {
    if {![info exists ::cells($object)]} {
        if {[list $object $name] ni {{project board_part} {project board_connections}
            {project target_language} {sources_1 ip_repo_paths} {project ip_repo_paths} {sources_1 top}}} {
            refuse "$object has no property $name"
        }
        if {$name eq "board_connections"} { connect_board $value }
        set ::state($name) $value
        return
    }
    set kind $::cells($object)
    if {![regexp {^CONFIG\.(\w+)(\.VALUE_SRC)?$} $name _ parameter source]
        || $parameter ni [dict get $::known($kind) parameters]} {
        refuse "$object ($kind) has no property $name"
    }
    if {$kind eq "axi_dma"} { set_channel $object $parameter $value }
    if {$kind eq "smartconnect"} {
        foreach {count prefix drives} {NUM_SI S 0 NUM_MI M 1} {
            if {$parameter ne $count} { continue }
            for {set i 0} {$i < $value} {incr i} {
                set ::interfaces([format %s/%s%02d_AXI $object $prefix $i]) [list aximm $drives]
            }
        }
    }
}
# A module on its carrier, as a Kria K26 on the KV260's: connectors of the one, each with the name of
# the other's as the board store has it (UG1089, UG835).
proc connect_board {connections} {
    need board_part board_connections
    if {[llength $connections] == 0 || [llength $connections] % 2} {
        refuse "board_connections are pairs of a connector and what it is connected to"
    }
    foreach {connector other} $connections {
        if {[llength [split $other :]] != 4} { refuse "$connector: $other is no vendor:board:connector:version" }
    }
}
# What a DMA loses without one of its channels; the channel's parameters can then not be set.
proc set_channel {cell parameter value} {
    if {[regexp {^c_include_(mm2s|s2mm)$} $parameter _ kind] && !$value} {
        set upper [string toupper $kind]
        set from [expr {$kind eq "mm2s" ? "M_AXIS_MM2S" : "S_AXIS_S2MM"}]
        unset ::interfaces($cell/M_AXI_$upper) ::interfaces($cell/$from) ::pins($cell/m_axi_${kind}_aclk)
        lappend ::without $cell/Data_$upper $cell/$kind
    } elseif {[regexp {_(mm2s|s2mm)_} $parameter _ kind] && "$cell/$kind" in $::without} {
        refuse "$cell has no channel for $parameter"
    }
}
command connect_bd_intf_net {} {-intf_net} 2 2 {
    lassign $words from to
    lassign $::interfaces($from) kind drives
    lassign $::interfaces($to) other_kind other_drives
    if {$kind ne $other_kind || !$drives || $other_drives} {
        refuse "$from ($kind) cannot drive $to ($other_kind)"
    }
    foreach end $words {
        if {$end in $::wired} { refuse "$end is connected twice" }
        lappend ::wired $end
    }
}
command connect_bd_net {} {-net} 2 64 {
    set words [lassign $words from]
    lassign $::pins($from) kind drives
    foreach to $words {
        lassign $::pins($to) other_kind other_drives
        if {$kind ne $other_kind || !$drives || $other_drives} { refuse "$from cannot drive $to" }
        if {$to in $::wired} { refuse "$to has two drivers" }
        lappend ::wired $to
    }
    if {$from ni $::wired} { lappend ::wired $from }
}
set assigned {}
command assign_bd_address {-force} {-offset -range -target_address_space} 0 1 {
    if {$o(-offset) % $o(-range) != 0} { refuse "$o(-offset) is not aligned to $o(-range)" }
    set last [expr {$o(-offset) + $o(-range) - 1}]
    foreach {space segment first end} $::assigned {
        if {$space eq $o(-target_address_space) && $o(-offset) <= $end && $last >= $first} {
            refuse "$words overlaps $segment"
        }
    }
    lappend ::assigned $o(-target_address_space) [lindex $words 0] [expr {$o(-offset)}] $last
}
command validate_bd_design {-force} {} 0 1 {
    need design validate_bd_design
    foreach {name _} [concat [array get ::interfaces] [array get ::pins]] {
        if {$name ni $::wired} { refuse "validate_bd_design: $name is not connected" }
    }
    foreach cell [array names ::cells] {
        foreach space [addresses $cell spaces] {
            if {"$cell/$space" ni $::assigned} { refuse "validate_bd_design: $cell/$space is empty" }
        }
        foreach segment [addresses $cell segments] {
            if {"$cell/$segment" ni $::assigned} {
                refuse "validate_bd_design: $cell/$segment has no address"
            }
        }
    }
    set ::state(valid) 1
}
command save_bd_design {} {} 0 1 { need valid save_bd_design; set ::state(saved) 1 }
command get_files {-quiet} {} 1 1 { need saved get_files; return $words }
command make_wrapper {-top -import -force} {-files} 0 0 {
    need saved make_wrapper
    set ::state(wrapper) "[file rootname $o(-files)]_wrapper.v"
    return $::state(wrapper)
}
command add_files {-norecurse -quiet} {-fileset} 1 1 {
    need wrapper add_files
    set ::state(added) $words
}
command update_compile_order {} {-fileset} 0 0 { need added update_compile_order }
command launch_runs {} {-to_step -jobs} 1 8 {
    foreach what {added top} { need $what launch_runs }
    set ::state(launched) $words
}
command wait_on_run {} {-timeout} 1 1 {
    need launched wait_on_run
    if {[info exists o(-timeout)]} { refuse "wait_on_run -timeout gives up on long builds" }
    lassign $::state(project) name folder
    set design $::state(design)
    write_file [file join $folder $name.runs impl_1 ${design}_wrapper.bit] "a bitstream"
    write_file [file join $folder $name.gen sources_1 bd $design hw_handoff $design.hwh] "a handoff"
    set ::state(finished) 1
}
command get_runs {-quiet} {} 1 1 { need launched get_runs; return $words }
command get_property {-quiet} {} 2 2 {
    lassign $words name object
    if {$object ne "impl_1"} { refuse "$object has no property $name" }
    set done [info exists ::state(finished)]
    switch -- $name {
        PROGRESS { return [expr {$done ? [setting SHIM_PROGRESS 100%] : "0%"}] }
        STATUS {
            return [expr {$done ? [setting SHIM_STATUS "write_bitstream Complete!"] : "Queued..."}]
        }
        STATS.WNS { return [setting SHIM_WNS 0.213] }
        STATS.WHS { return 0.021 }
        STATS.TPWS { return 2.75 }
        default { refuse "$object has no property $name" }
    }
}
command open_run {-quiet} {-name} 1 1 { need finished open_run; set ::state(opened) 1 }
foreach name {report_utilization report_timing_summary report_power} {
    command $name {-quiet -hierarchical} {-file -max_paths} 0 0 "
        need opened $name
        write_file \$o(-file) $name
    "
}

command write_hw_platform {-fixed -force -include_bit} {} 1 1 {
    need finished write_hw_platform
    write_file $words "a hardware platform"
}
command regenerate_bd_layout {} {} 0 0 { need design regenerate_bd_layout }
command generate_target {-force} {} 2 2 { need saved generate_target }
command set_param {} {} 2 2 {}
command close_project {} {} 0 0 { need project close_project }

if {[setting SHIM_MORE {}] ne {}} { source $::env(SHIM_MORE) }
source $script
